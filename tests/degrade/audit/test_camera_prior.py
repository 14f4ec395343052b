"""Kernels for training go towards what cameras usually keep, where scenes may have misled."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.audit.camera_prior import (
    CAMERA_FREQUENCIES,
    CAMERAS,
    camera_spread,
    towards_cameras,
    usual_response,
)
from degrade.audit.closed_loop import MOST_GAIN, Gain
from degrade.audit.spectra import BAND_COUNT, BAND_FREQUENCIES


def gaussian(sigma: float) -> Gain:
    """Return the response of a Gaussian of so many LR pixels."""
    return np.asarray(np.exp(-2 * np.square(np.pi * sigma * BAND_FREQUENCIES)))


def off_by(errors: float) -> Gain:
    """Return a response so many standard deviations softer than the mean of cameras."""
    return np.asarray(np.exp(usual_response() - errors * camera_spread()))


def test_the_cameras_are_those_of_real_pairs() -> None:
    assert len(CAMERAS) == 8
    for curve in CAMERAS.values():
        assert len(curve) == len(CAMERA_FREQUENCIES)
        assert all(0.05 < amplitude < 1.5 for amplitude in curve)
    assert usual_response().shape == camera_spread().shape == (BAND_COUNT,)


def test_usual_and_sharp_cameras_stay() -> None:
    for errors in (-0.01, -0.5, -1, -2, -5):
        move = towards_cameras(off_by(errors))
        assert move.apart == pytest.approx(errors)
        assert move.share == 0 and not move.gain.any()


@pytest.mark.parametrize("errors", [1, 2, 2.9])
def test_softer_ones_go_a_third_of_the_way(errors: float) -> None:
    move = towards_cameras(off_by(errors))
    assert move.share == pytest.approx(1 / 3) and move.apart == pytest.approx(errors)
    assert move.gain[2:] == pytest.approx(errors * camera_spread()[2:] / 3)
    assert not move.gain[:2].any()


def test_the_softest_photos_are_taken_as_they_are() -> None:
    assert towards_cameras(gaussian(0.7)).share == pytest.approx(1 / 3)
    assert 0 < towards_cameras(gaussian(1.0)).share < 0.2
    for sigma in (1.2, 2.0, 5.0):
        move = towards_cameras(gaussian(sigma))
        assert move.share == 0 and move.apart > 6 and not move.gain.any()


def test_shares_change_without_a_jump() -> None:
    """Photos a little sharper or softer give kernels a little sharper or softer."""
    told = np.arange(-8, 8, 0.01)
    left = [each * (1 - towards_cameras(off_by(each)).share) for each in told]
    steps = np.diff(left) / np.diff(told)
    assert (steps > 0).all() and (steps < 2).all()


def test_nothing_kept_has_no_logarithm() -> None:
    assert towards_cameras(np.zeros(BAND_COUNT)).share == 0


def test_a_move_gives_no_frequency_more_than_a_round_may() -> None:
    kept = off_by(2)
    kept[-4:] = 0
    move = towards_cameras(kept)
    assert move.share == pytest.approx(1 / 3)
    assert move.gain[-4:] == pytest.approx(MOST_GAIN) and move.gain.max() <= MOST_GAIN


@pytest.mark.parametrize("known", list(CAMERAS))
def test_a_camera_is_nearer_to_the_others_than_what_scenes_do(known: str) -> None:
    """Each camera itself is left, or moved by less than spectra err."""
    at = (BAND_FREQUENCIES > 0.1) & (BAND_FREQUENCIES < 0.3)
    curve = np.interp(BAND_FREQUENCIES, CAMERA_FREQUENCIES, CAMERAS[known])
    assert np.abs(towards_cameras(curve).gain[at]).max() < 0.2
