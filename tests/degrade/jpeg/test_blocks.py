from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.arrays import U8Array
from degrade.images.image_io import read_photo
from degrade.jpeg.blocks import BLOCKY, block_bends, block_steps
from degrade.noise import NoisePatch, NoiseSelection, extract_noise_patches
from degrade.rng import rng_for


def noisy(sigma: float = 2.5, side: int = 256) -> U8Array:
    grain = rng_for(0, "grain", sigma, side).normal(120, sigma, (side, side, 3))
    return np.rint(grain).astype(np.uint8)


def compress(pixels: U8Array, quality: int) -> U8Array:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(decoded[..., ::-1], np.uint8)


def cut(pixels: U8Array, size: int = 64, offset: int = 0) -> list[NoisePatch]:
    starts = range(offset, pixels.shape[0] - size + 1, size)
    return [
        NoisePatch(pixels[y : y + size, x : x + size], 6.0, 120.0, "", (y, x, size, size))
        for y in starts
        for x in starts
    ]


def steps(patches: list[NoisePatch]) -> float:
    found = block_steps(patches)
    assert found is not None
    return found


def test_block_steps_of_noise_are_one() -> None:
    assert steps(cut(noisy())) == pytest.approx(1, abs=0.05)
    soft = cv2.GaussianBlur(noisy(8), (0, 0), 1.5).astype(np.uint8)
    assert steps(cut(soft)) < 1.2
    assert max(steps([patch]) for patch in cut(soft)) < 1.5


def test_block_steps_grow_as_quality_falls() -> None:
    found = [steps(cut(compress(noisy(), quality))) for quality in (98, 95, 92, 80, 60)]
    assert found == sorted(found)
    assert found[1] < BLOCKY < found[2]


def test_block_steps_find_the_grid_wherever_patches_and_photo_were_cut() -> None:
    blocky = compress(noisy(), 80)
    whole = steps(cut(blocky))
    assert whole > BLOCKY
    assert steps(cut(np.ascontiguousarray(blocky[3:, 5:]))) == pytest.approx(whole, rel=0.1)
    assert steps(cut(blocky, offset=13)) == pytest.approx(whole, rel=0.1)
    # One axis alone is no grid: a sensor may read its columns in groups of eight.
    columns = noisy().astype(np.int16)
    columns[:, ::8] += 8
    assert steps(cut(columns.astype(np.uint8))) < 1.1


def test_block_steps_do_not_depend_on_the_depth_and_leave_patches_alone() -> None:
    blocky = compress(noisy(), 80)
    deep = cut(blocky.astype(np.uint16) * 257)  # type: ignore[arg-type]
    before = deep[0].pixels.copy()
    assert steps(deep) == pytest.approx(steps(cut(blocky)), rel=1e-3)
    assert np.array_equal(deep[0].pixels, before)


def test_block_steps_need_enough_pixels() -> None:
    assert block_steps([]) is None
    assert block_steps(cut(noisy(), size=32)[:3]) is None
    assert block_steps(cut(noisy(), size=32)[:4]) is not None


def test_block_steps_of_a_constant_patch_are_finite() -> None:
    assert steps(cut(np.full((64, 64, 3), 7, np.uint8))) == 0


@pytest.mark.parametrize(
    ("photo", "is_blocky"),
    [
        ("real/cam_fujifilm-dx10.jpg", True),
        ("hr/wiki_001.png", False),
        ("train/wiki_045.png", False),
        ("pairs/drealsr_x4/sony_189_HR.png", False),
        ("pairs/realsr_x4/Canon_019_HR.png", True),  # a PNG that was a JPEG, and cropped
    ],
)
def test_block_steps_tell_compressed_photos_from_others(
    shared_data: Path, photo: str, is_blocky: bool
) -> None:
    pixels = read_photo(shared_data / photo).pixels
    patches = extract_noise_patches(pixels, NoiseSelection(patch_size=64))
    assert (steps(patches) >= BLOCKY) == is_blocky


def test_block_bends_show_blocks_on_a_slope() -> None:
    smooth = np.add.outer(np.arange(128.0), 0.5 * np.arange(128))
    noise = np.random.default_rng(0).normal(0, 0.6, (128, 128))
    plain = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    blocks = np.kron(np.random.default_rng(1).normal(0, 2, (16, 16)), np.ones((8, 8)))
    blocky = np.clip(smooth + noise + blocks, 0, 255).astype(np.uint8)
    assert (block_bends(blocky)[[0, 3]] > block_bends(plain)[[0, 3]] + 0.3).all()
