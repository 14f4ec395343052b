from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.fingerprint import (
    BANDS,
    SIDE,
    blockiness,
    compare,
    lines,
    log_power,
    run,
    variances,
    wall,
)
from degrade.errors import DegradeError
from degrade.images.image_io import quantise, write_png
from degrade.rng import rng_for
from tests.degrade.noise.planted import noisy_photo
from tests.making import make_scene


def test_white_noise_has_the_same_power_in_all_bands() -> None:
    noise = rng_for(0, "white").normal(0, 4, (128, 128))
    assert log_power(noise) == pytest.approx(np.full(BANDS, 10 * np.log10(16)), abs=1.5)


def test_blockiness_is_that_of_the_borders() -> None:
    blocks = rng_for(0, "blocks").normal(0, 1, (16, 16)).repeat(8, axis=0).repeat(8, axis=1)
    noise = rng_for(0, "smooth").normal(0, 1, (128, 128))
    assert abs(blockiness(noise)) < 0.1
    assert blockiness(blocks + noise) > 0.15 > blockiness(np.roll(blocks, 3, (0, 1)) + noise)


def test_variances_are_those_of_the_squares() -> None:
    hr_u8 = wall(0)
    lr = hr_u8[::4, ::4, 0] + rng_for(0, "noise").normal(0, 3, (SIDE // 4, SIDE // 4))
    levels, found = np.array(list(variances(lr, hr_u8, 4))).T
    assert len(levels) == 16 and set(levels) <= set(hr_u8.ravel())
    assert found.mean() == pytest.approx(9, rel=0.1)


def test_a_difference_beyond_the_seeds_is_marked() -> None:
    own = [{"a": 1.0, "b": 1.0}, {"a": 1.2, "b": 1.2}]
    table = compare(own, [{"a": 1.1, "b": 2.0}, {"a": 1.3, "b": 2.1}])
    assert table["a"]["spread"] == pytest.approx(0.2)
    assert table["b"]["apart"] == pytest.approx(0.95)
    _, first, second = lines("fingerprint", table)
    assert not first.endswith("*") and second.endswith("*")


def test_run_finds_a_fingerprints_lr_within_the_seeds_of_its_pool(tmp_path: Path) -> None:
    for number in range(2):
        file = io.BytesIO()
        photo = noisy_photo(f"{number}", height=320, width=320)
        Image.fromarray(photo).save(file, "JPEG", quality=95)
        (tmp_path / f"{number}.jpg").write_bytes(file.getvalue())
        scene = quantise(make_scene(f"hr {number}", SIDE, SIDE))
        write_png(tmp_path / "hr" / f"{number}.png", scene)
    photos = sorted(tmp_path.glob("*.jpg"))
    with pytest.raises(DegradeError, match="two seeds at least"):
        run(photos, tmp_path / "hr", 2, 1)
    found = run(photos, tmp_path / "hr", 2, 2)
    assert found["bytes"] < 200_000 and found["kernels"][0] == found["kernels"][1] > 0
    table = found["fingerprint"]
    assert len(table) == BANDS + 4
    assert table["noise at levels 96–160"]["pool"] > 1
    for name, row in table.items():
        assert abs(row["apart"]) < max(row["doubt"], 0.05 * abs(row["pool"]), 0.5), name
