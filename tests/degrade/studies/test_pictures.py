"""Pictures of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.images.image_io import read_photo
from degrade.studies import decoy_of, picture_path, read_picture, write_picture


def test_write_picture_names_content(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    names = {write_picture(tmp_path, pixels) for _ in range(2)}
    assert len(names) == 1 and write_picture(tmp_path, 255 - pixels) not in names
    (name,) = names
    assert np.array_equal(read_photo(picture_path(tmp_path, name)).pixels, pixels)
    assert read_picture(tmp_path, name).startswith(b"\x89PNG")


def test_write_picture_mends_what_was_cut_short(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    name = write_picture(tmp_path, pixels)
    picture_path(tmp_path, name).write_bytes(b"")
    assert write_picture(tmp_path, pixels) == name
    assert read_picture(tmp_path, name)


def test_read_picture_refuses_a_changed_one(tmp_path: Path) -> None:
    name = write_picture(tmp_path, np.zeros((4, 4, 3), np.uint8))
    path = picture_path(tmp_path, name)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CorruptDataError, match=name):
        read_picture(tmp_path, name)


@pytest.mark.parametrize("size", [(64, 48), (33, 47), (13, 9)])
def test_decoy_of_is_squares_of_the_images_colours(
    size: tuple[int, int], rng: np.random.Generator
) -> None:
    image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    decoy = decoy_of(image)
    assert decoy is not None and decoy.shape == image.shape
    assert len(np.unique(decoy.reshape(-1, 3), axis=0)) <= decoy[..., 0].size / 3
    assert abs(decoy.mean() - image.mean()) < 5


def test_decoy_of_an_image_without_detail_is_none() -> None:
    sky = np.linspace(100, 140, 64)[:, None, None] * np.ones((1, 64, 3))
    assert decoy_of(sky.astype(np.uint8)) is None
