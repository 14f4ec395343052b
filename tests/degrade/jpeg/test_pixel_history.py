from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PIL.JpegPresets import presets

from degrade.arrays import U8Array
from degrade.jpeg.pixel_history import Earlier, PixelHistory, earlier_of_file, history_of_pixels
from degrade.jpeg.tables import JpegSettings, standard_tables
from tests.degrade.jpeg.photos import make_photo, through_jpeg

PHOTO = make_photo("history")


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [50, 75, 90, 98])
def test_history_of_pixels_tells_the_compression_of_a_crop(quality: int, subsampling: str) -> None:
    jpeg = through_jpeg(PHOTO, quality, subsampling=subsampling)
    found = history_of_pixels(jpeg[3:, 13:])
    luma, chroma = standard_tables(quality)
    height, width = {"4:4:4": (8, 8), "4:2:2": (8, 16), "4:2:0": (16, 16)}[subsampling]
    assert found == PixelHistory(
        grid=(5, 3),
        unit=(-3 % height, -13 % width, height, width),
        named=f"libjpeg's quality {quality}",
        quality=quality,
        luma=luma,
        chroma=chroma,
        subsampling=subsampling,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_history_of_pixels_claims_nothing_of_what_was_no_jpeg(name: str) -> None:
    assert history_of_pixels(make_photo(name)) == PixelHistory(doubt="no grid")


def test_history_of_pixels_finds_turned_photos_as_their_file_was() -> None:
    jpeg = through_jpeg(PHOTO, 85, subsampling="4:2:2")
    for turned in (np.rot90(jpeg, 1), np.rot90(jpeg, 3), jpeg.swapaxes(0, 1)):
        found = history_of_pixels(np.ascontiguousarray(turned))
        assert (found.quality, found.subsampling, found.turned) == (85, "4:2:2", True)
    found = history_of_pixels(np.ascontiguousarray(jpeg[::-1]))
    assert (found.quality, found.turned, found.grid) == (85, False, (320 % 8, 0))


def test_history_of_pixels_names_photoshops_tables() -> None:
    found = history_of_pixels(through_jpeg(PHOTO, "web_high")[1:])
    assert found.named == "Photoshop, Save for Web, quality 60" and found.quality is None
    assert found.luma == tuple(presets["web_high"]["quantization"][0])


def test_history_of_pixels_tells_single_steps_of_unknown_tables() -> None:
    rng = np.random.default_rng(0)
    own = rng.integers(4, 30, 64)
    found = history_of_pixels(through_jpeg(PHOTO, qtables=[own.tolist(), own.tolist()])[2:, 2:])
    assert found.luma is None and found.named == "tables of its own" and found.grid == (6, 6)
    steps = np.array(found.steps)
    assert (steps > 0).sum() >= 40
    assert np.array_equal(steps[steps > 0], own[steps > 0])


def test_history_of_pixels_tells_gray_photos() -> None:
    gray = through_jpeg(PHOTO[..., 1], 80)
    found = history_of_pixels(np.repeat(gray[5:, :, None], 3, axis=2))
    assert (found.quality, found.grid, found.subsampling) == (80, (3, 0), None)


def test_history_of_pixels_finds_the_compression_before() -> None:
    twice = through_jpeg(through_jpeg(PHOTO, 70), 92)
    found = history_of_pixels(twice[4:])
    assert found.quality == 92 and found.earlier == Earlier(None, (70, 70))
    moved = through_jpeg(np.ascontiguousarray(through_jpeg(PHOTO, 75)[2:, 6:]), 95)
    found = history_of_pixels(moved)
    assert found.quality == 95 and found.earlier == Earlier((6, 2))
    assert history_of_pixels(through_jpeg(PHOTO, 75)).earlier is None


def test_earlier_of_file_finds_what_was_before_the_file() -> None:
    settings = JpegSettings(*standard_tables(93), "4:2:0")
    once, again = through_jpeg(PHOTO, 93), through_jpeg(through_jpeg(PHOTO, 80), 93)
    assert earlier_of_file(once, settings, (0, 0)) is None
    assert earlier_of_file(again, settings, (0, 0)) == Earlier(None, (80, 80))
    turned = np.ascontiguousarray(np.rot90(again, 2).swapaxes(0, 1))
    assert earlier_of_file(turned, settings, (0, 0), turned=True) == Earlier(None, (80, 80))
    cut = through_jpeg(np.ascontiguousarray(through_jpeg(PHOTO, 80)[1:, 2:]), 93)
    assert earlier_of_file(cut, settings, (0, 0)) == Earlier((7, 6))


@pytest.mark.parametrize("change", ["darker", "noisy"])
def test_history_of_pixels_keeps_the_grid_of_what_was_changed_since(change: str) -> None:
    jpeg = through_jpeg(PHOTO, 80)[3:, 5:]
    curve = 255 * (np.arange(256) / 255) ** 1.2
    noise = np.random.default_rng(1).normal(0, 0.7, jpeg.shape)
    changed = curve[jpeg] if change == "darker" else jpeg + noise
    found = history_of_pixels(np.rint(np.clip(changed, 0, 255)).astype(np.uint8))
    assert found.grid == (5, 3) and found.quality is None and found.luma is None


@pytest.mark.parametrize("factor", [0.5, 0.77, 1.5, 2, 3])
def test_history_of_pixels_claims_nothing_of_what_was_resized_since(factor: float) -> None:
    jpeg = Image.fromarray(through_jpeg(PHOTO, 75))
    size = (round(factor * jpeg.width), round(factor * jpeg.height))
    found = history_of_pixels(np.asarray(jpeg.resize(size, Image.Resampling.BICUBIC)))
    assert found == PixelHistory(doubt="no grid")


def _drawings() -> dict[str, U8Array]:
    rows, columns = np.mgrid[:256, :256]
    board = 60 + 100 * ((rows // 8 + columns // 8) % 2)
    flat = np.full((256, 256), 90)
    rng = np.random.default_rng(0)
    blown_up = np.kron(rng.integers(20, 200, (32, 32)), np.ones((8, 8), np.int64))
    shown = {"board": board, "flat": flat, "blown up": blown_up, "ramp": (rows + columns) // 4}
    return {
        name: np.repeat(image[..., None], 3, 2).astype(np.uint8) for name, image in shown.items()
    }


@pytest.mark.parametrize("name", ["board", "flat", "blown up", "ramp"])
def test_history_of_pixels_takes_drawings_for_drawings(name: str) -> None:
    assert history_of_pixels(_drawings()[name]) == PixelHistory(doubt="artificial")


def test_history_of_pixels_says_why_nothing_can_be_told() -> None:
    jpeg = through_jpeg(PHOTO, 75)
    assert history_of_pixels(jpeg[:47]).doubt == "too small"
    assert history_of_pixels(jpeg[:1, :1]).doubt == "too small"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert history_of_pixels(noise).doubt == "clipped"
    smallest = history_of_pixels(jpeg[10:74, 20:84])
    assert (smallest.quality, smallest.grid) == (75, (6, 4))


def test_history_of_pixels_does_not_depend_on_the_depth_and_leaves_pixels_alone() -> None:
    jpeg = through_jpeg(PHOTO, 75)[3:]
    deep = jpeg.astype(np.uint16) * np.uint16(257)
    before = deep.copy()
    assert history_of_pixels(deep) == history_of_pixels(jpeg)
    assert np.array_equal(deep, before)
