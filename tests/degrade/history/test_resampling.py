from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from degrade.arrays import U8Array
from degrade.history.periods import FREQUENCIES, measure_periods
from degrade.history.resampling import TOLD, Resampling, judge_resampling
from degrade.history.spectrum import BANDS, fall_of_power
from degrade.history.windows import spread_windows
from tests.degrade.history.pictures import blurred, natural, taken


def _judged(pixels: U8Array) -> Resampling:
    return judge_resampling(measure_periods(pixels), fall_of_power(spread_windows(pixels)))


def _resized(pixels: U8Array, factor: float, how: Image.Resampling) -> U8Array:
    height, width = pixels.shape[:2]
    size = (round(factor * width), round(factor * height))
    return np.asarray(Image.fromarray(pixels).resize(size, how))


def _as_jpeg(pixels: U8Array, quality: int) -> U8Array:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("how", [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR])
@pytest.mark.parametrize("factor", [1.25, 1.5, 2.0])
def test_judge_resampling_finds_the_factor_also_after_jpeg(
    factor: float, how: Image.Resampling
) -> None:
    enlarged = _resized(natural("a"), factor, how)
    for pixels in (enlarged, _as_jpeg(enlarged, 90)):
        found = _judged(pixels)
        assert found.is_told and found.factor == pytest.approx(factor, rel=0.01)


def test_judge_resampling_names_both_factors_of_one_period() -> None:
    found = _judged(_resized(natural("a"), 3.0, Image.Resampling.BICUBIC))
    assert found.is_told and found.factor is not None and found.other_factor is not None
    both = sorted([found.factor, found.other_factor])
    assert both == pytest.approx([1.5, 3.0], rel=0.01)
    assert found.period == pytest.approx(3.0, rel=0.01)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 1.8])
def test_a_photo_that_was_soft_is_not_told_to_be_enlarged_by_more(sigma: float) -> None:
    """What it lacks, it lacked before: a doubled one has no line of a period of 4."""
    soft = taken(blurred(natural("a").astype(np.float32), sigma), noise=0.0)
    found = _judged(_resized(soft, 2.0, Image.Resampling.BICUBIC))
    assert found.is_told and found.factor == 2.0 and found.other_factor is None
    found = _judged(_resized(soft, 1.5, Image.Resampling.BICUBIC))
    assert found.is_told and found.factor is not None and found.other_factor is not None
    named = [found.factor, found.other_factor] if found.factor_probability < 0.8 else [found.factor]
    assert min(named) == pytest.approx(1.5, rel=0.01)


def test_four_times_is_told_from_twice() -> None:
    found = _judged(_resized(natural("a", 300, 400), 4.0, Image.Resampling.BICUBIC))
    assert found.is_told and found.period == 4.0 and 4.0 in (found.factor, found.other_factor)


@pytest.mark.parametrize("quality", [None, 95, 75])
def test_judge_resampling_tells_nothing_of_what_was_not_enlarged(quality: int | None) -> None:
    for name in "abcd":
        pixels = natural(name)
        assert not _judged(pixels if quality is None else _as_jpeg(pixels, quality)).is_told


def test_judge_resampling_does_not_take_a_reduction_for_an_enlargement() -> None:
    # Both leave a period; only one leaves detail up to the highest frequencies.
    for factor in (0.7, 0.8):
        found = _judged(_resized(natural("a", 900, 900), factor, Image.Resampling.BICUBIC))
        assert found.probability < TOLD


def test_measure_periods_is_that_of_a_grid() -> None:
    pixels = np.random.default_rng(0).integers(80, 120, (400, 420, 3)).astype(np.uint8)
    pixels[::7] //= 2
    pixels[:, ::7] //= 2
    lines = measure_periods(pixels)
    peak = FREQUENCIES[lines.second.argmax()]
    assert min(abs(peak - n / 7) for n in (1, 2, 3)) < 0.003
    assert lines.first.shape == lines.second.shape == FREQUENCIES.shape


def test_fall_of_power_follows_the_blur() -> None:
    sharp = fall_of_power(spread_windows(natural("a")))
    soft = natural("a").astype(np.float32)
    soft = fall_of_power(spread_windows(taken(blurred(soft, 1.0), noise=0.0)))
    assert sharp.shape == BANDS.shape
    # |G|² of σ 1, relative to the first two bands, as far as rounding leaves it.
    wanted = -np.square(2 * np.pi * BANDS)
    wanted -= wanted[:2].mean()
    assert np.abs(soft - sharp - wanted)[:8].max() < 0.8


@pytest.mark.parametrize("kept", [(0,), (2,), (0, 2), ()])
def test_nothing_is_told_of_photos_without_green(kept: tuple[int, ...]) -> None:
    pixels = natural("a").copy()
    pixels[..., [channel for channel in range(3) if channel not in kept]] = 40
    assert _judged(pixels) == Resampling(0.0)
