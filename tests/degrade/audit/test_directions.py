"""Direction: what a blur along one axis does to a spectrum, and when photos are said to show it."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from degrade.arrays import FloatArray, round_to_u8
from degrade.audit.closed_loop import NO_GAIN, NO_TURNS, Turns, with_gain
from degrade.audit.comparison import compare_sets
from degrade.audit.directions import (
    DIRECTIONS,
    direction_steps,
    direction_turns,
    find_directions,
    gap_by_direction,
    response_by_direction,
    turns_apart,
)
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.audit.spectra import BAND_COUNT, BAND_FREQUENCIES, WAYS, directed_spectrum, turn_waves
from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.rng import rng_for
from tests.degrade.audit.scenes import make_scene

_SCENES = 24
_SIDE = 160
_ROUND = gaussian_kernel(17, 2, (1.2, 1.2))
_ALONG_ROWS = gaussian_kernel(17, 2, (1.9, 1.2), 0.0)
_ALONG_DIAGONALS = gaussian_kernel(17, 2, (1.9, 1.2), np.pi / 4)
_AS_SOFT = gaussian_kernel(17, 2, (1.55, 1.55))
"""As soft as the two on average."""


@cache
def _lr(of: str, kernel_name: str) -> list[PhotoFeatures]:
    return [_measured(f"{of} {number}", _kernel(kernel_name)) for number in range(_SCENES)]


def _kernel(name: str) -> BlurKernel:
    return {
        "round": _ROUND,
        "as soft": _AS_SOFT,
        "rows": _ALONG_ROWS,
        "diagonals": _ALONG_DIAGONALS,
    }[name]


def _measured(name: str, kernel: BlurKernel) -> PhotoFeatures:
    return measure_features(round_to_u8(np.clip(downsample(_hr(name), kernel), 0, 255)))


@cache
def _hr(name: str) -> FloatArray:
    return round_to_u8(make_scene(name, 160)).astype(np.float32)


def test_turn_waves_are_1_where_their_direction_is() -> None:
    along_rows, along_columns, falling, rising = turn_waves((0, 1, 1, -1), (1, 0, 1, 1)).T
    assert np.allclose(along_rows, (1, 0, 1)) and np.allclose(along_columns, (-1, 0, 1))
    assert np.allclose(falling, (0, 1, -1)) and np.allclose(rising, (0, -1, -1))
    assert not turn_waves(0, 0).any()
    down, right = np.random.default_rng(0).normal(size=(2, 99))
    assert np.allclose(turn_waves(down, right), turn_waves(-down, -right))


def test_directed_spectrum_finds_a_blur_along_rows(rng: np.random.Generator) -> None:
    """A Gaussian of 0.6 pixels along rows alone: its logarithm of power turns as a cosine."""
    white = rng.normal(0, 20, (576, 576))
    wave = np.exp(-2 * np.square(np.pi * 0.6 * np.fft.fftfreq(576)))
    blurred = np.fft.ifft(np.fft.fft(white, axis=1) * wave, axis=1).real
    _, before = directed_spectrum(white.astype(np.float32))
    spectrum, turns = directed_spectrum(blurred.astype(np.float32))
    wanted = -np.square(2 * np.pi * 0.6 * BAND_FREQUENCIES) / 2
    inside = slice(6, 22)
    assert np.abs(before[:, inside]).max() < 0.25
    assert np.abs(turns[0] - wanted)[inside].max() < 0.25
    assert np.abs(turns[1:, inside]).max() < 0.25
    assert spectrum.shape == (BAND_COUNT,)


def test_with_gain_gives_more_in_one_direction() -> None:
    turns: Turns = NO_TURNS.copy()
    turns[0] = 0.5 * np.square(BAND_FREQUENCIES / 0.3)
    start = gaussian_kernel(33, 4, (2.0, 2.0))
    kernel = with_gain(start, NO_GAIN, turns)
    gained = _response(kernel) / _response(start)
    place = round(0.3 * _SIDE / 4)  # 0.3 cycles per pixel of LR
    along_rows, along_columns = gained[0, place], gained[place, 0]
    assert np.log(abs(along_rows)) == pytest.approx(0.5, abs=0.05)
    assert np.log(abs(along_columns)) == pytest.approx(-0.5, abs=0.05)
    # Its phase stays, but for what is cut off: less than the 0.05 LR pixels of an audit.
    moved = np.angle([along_rows, along_columns]) / (2 * np.pi * 0.3)
    assert np.abs(moved).max() < 0.05


def _response(kernel: BlurKernel) -> npt.NDArray[np.complex128]:
    padded = np.zeros((_SIDE, _SIDE))
    padded[: kernel.size, : kernel.size] = kernel.weights
    return np.fft.fft2(np.roll(padded, (-(kernel.size // 2),) * 2, (0, 1)))


def test_response_by_direction_is_that_of_the_gaussian() -> None:
    kept = response_by_direction(gaussian_kernel(33, 4, (3.0, 2.0), np.pi / 4))
    for sigma, response in zip((None, None, 3.0, 2.0), kept, strict=True):
        if sigma is not None:
            wanted = np.exp(-2 * np.square(np.pi * sigma / 4 * BAND_FREQUENCIES))
            assert response == pytest.approx(wanted, abs=0.01)
    assert kept[0] == pytest.approx(kept[1], abs=1e-6)


@pytest.mark.parametrize(("camera", "way"), [("rows", 0), ("diagonals", 1)])
def test_find_directions_names_what_was_planted_in_other_scenes(camera: str, way: int) -> None:
    steps = direction_steps(_lr("photo", camera), _lr("hr", "round"))
    found = find_directions(steps, rng_for(0))
    assert [each.way for each in found] == list(WAYS)
    assert found[way].is_there and found[way].size < -1
    assert not found[1 - way].is_there
    turns = direction_turns(steps, found)
    assert turns[way].any() and not np.delete(turns, way, axis=0).any()
    gap = dict(zip(DIRECTIONS, gap_by_direction(steps), strict=True))
    softest = min(gap, key=lambda name: gap[name])
    assert softest == ("along rows" if camera == "rows" else "along falling diagonals")


@pytest.mark.parametrize("camera", ["rows", "diagonals"])
def test_the_classifier_tells_a_direction(camera: str) -> None:
    """Of other scenes; as soft on average, so nothing but the direction tells them apart."""
    found = compare_sets(_lr("photo", camera), _lr("hr", "as soft"), rng_for(0)).result
    assert found is not None and found.told_apart and found.auc > 0.75


def test_the_classifier_does_not_tell_cameras_without_direction_apart() -> None:
    without = compare_sets(_lr("photo", "round"), _lr("hr", "round"), rng_for(0)).result
    assert without is not None and not without.told_apart


def test_a_gain_by_direction_brings_lr_nearer() -> None:
    """From kernels that are round, with what other scenes tell, to half of the distance or less."""
    photos = _lr("photo", "rows")
    steps = direction_steps(photos, _lr("hr", "round"))
    found = find_directions(steps, rng_for(0))
    turns = direction_turns(steps, found)
    kernel = with_gain(_ROUND, NO_GAIN, turns)
    made = [_measured(f"hr {number}", kernel) for number in range(_SCENES)]
    left = direction_steps(photos, made)
    assert turns_apart(left, found) < turns_apart(steps, found) / 2


def test_cameras_without_direction_show_none() -> None:
    steps = direction_steps(_lr("photo", "round"), _lr("hr", "round"))
    found = find_directions(steps, rng_for(0))
    assert not any(way.is_there for way in found)
    assert not direction_turns(steps, found).any() and turns_apart(steps, found) == 0


def test_false_directions_are_as_rare_as_stated() -> None:
    """Of differences that are noise alone, whose bands go together, one time in twenty at 0.05."""
    rng, runs, wrong = rng_for(0, "false directions"), 200, 0
    for _ in range(runs):
        shared = rng.normal(size=(16, 3, 1))
        steps = 0.7 * shared + 0.7 * rng.normal(size=(16, 3, BAND_COUNT))
        wrong += any(way.p_value <= 0.05 for way in find_directions(steps, rng))
    # One in twenty: 200 runs give 10, and more than 20 one time in a thousand.
    assert wrong <= 20


def test_direction_steps_refuses_sets_that_are_not_matched() -> None:
    photos = _lr("photo", "round")[:4]
    assert not direction_steps(photos, photos).any()
    for others in (photos[:3], []):
        with pytest.raises(InvalidValueError, match="as many photos as LR"):
            direction_steps(photos, others)
    with pytest.raises(InvalidValueError, match="as many photos as LR"):
        direction_steps(photos[:2], photos[:2])
