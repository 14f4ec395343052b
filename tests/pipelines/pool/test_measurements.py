"""The settings of all measurements are those of one run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import InvalidValueError
from pipelines import BuildPoolConfig, EstimateKernelsConfig, ExtractNoiseConfig

HERE = Path("photos")
KERNELS = EstimateKernelsConfig(sources=(HERE, Path("b.png")), pool=Path("pool"), scale=2)
NOISE = ExtractNoiseConfig(sources=KERNELS.sources, pool=Path("pool"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": (HERE,)}, r"`sources`, got photos, b\.png and photos$"),
        ({"sources": (HERE, Path("c.png"))}, "`sources`"),
        ({"pool": Path("other")}, "`pool`, got pool and other$"),
        ({"pool": Path("a\nb")}, r"`pool`, got pool and a\\nb$"),
        ({"max_pixels": 1000}, r"`max_pixels`, got \d+ and 1000$"),
    ],
    ids=str,
)
def test_build_pool_config_refuses_halves_that_differ(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValueError, match=f"must have the same {said}"):
        BuildPoolConfig(kernels=KERNELS, noise=replace(NOISE, **change))


def test_build_pool_config_refuses_kernels_that_go_into_no_pool() -> None:
    kernels = replace(KERNELS, pool=None, out_mat=Path("mats"))
    with pytest.raises(InvalidValueError, match="the same `pool`, got None and pool"):
        BuildPoolConfig(kernels=kernels, noise=NOISE)


def test_build_pool_config_takes_two_ways_to_write_one_place(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    kernels = replace(KERNELS, sources=(tmp_path / "link",), pool=tmp_path / "pool")
    sources = (Path(os.path.relpath(tmp_path / "photos")),)
    noise = replace(NOISE, sources=sources, pool=tmp_path / "photos" / ".." / "pool")
    assert BuildPoolConfig(kernels=kernels, noise=noise).noise is noise
