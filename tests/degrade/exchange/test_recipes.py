"""Patches fit the images, the scale, and what networks need."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.exchange import EXPORT_FORMATS, TrainingSet, option_files, patch_size


@pytest.mark.parametrize(("scale", "patch"), [(2, 128), (3, 120), (4, 128)])
def test_patch_size_is_near_the_papers_128(scale: int, patch: int) -> None:
    assert patch_size(scale, 512) == patch


@given(st.integers(2, 8), st.integers(1, 200))
def test_patch_size_divides_and_fits(scale: int, blocks: int) -> None:
    side = scale * blocks
    patch = patch_size(scale, side)
    assert 0 < patch <= side and patch % scale == 0


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_option_files_are_two_phases_of_each_trainer(scale: int) -> None:
    data = TrainingSet(name="set", hr=Path("/h"), lr=Path("/l"), scale=scale, patch=120)
    for format, row in EXPORT_FORMATS.items():
        names = [file.name for file in option_files(format, data)]
        assert [name.rpartition(".")[0] for name in names] == [
            f"{trainer}_{stage}" for trainer in row.trainers for stage in ("psnr", "gan")
        ]


def test_option_files_leave_out_gan_for_patches_no_discriminator_takes() -> None:
    data = TrainingSet(name="set", hr=Path("/h"), lr=Path("/l"), scale=2, patch=6)
    assert [file.name for file in option_files("kair", data)] == ["kair_psnr.json"]


def test_option_files_refuse_paths_that_are_no_text() -> None:
    data = TrainingSet(name="set", hr=Path("/h\udce9"), lr=Path("/l"), scale=2, patch=8)
    with pytest.raises(InvalidValueError, match="plain name"):
        option_files("png", data)
