"""Rounds, of a camera that is reckoned with: no LR is made, spectra are those of kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from degrade.audit.closed_loop import NO_GAIN, Gain, kernel_response
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation.even_filters import response_along_axes
from degrade.degradation.steps import ColourResponse, ColourResponseSettings
from degrade.kernels import BlurKernel, gaussian_kernel
from pipelines.matching.match_bench import Bench, Tail
from pipelines.matching.match_loop import MOST_ROUNDS, LoopResult, Start, close_loop

_SOFT, _SHARP = (gaussian_kernel(17, 2, (sigma, sigma)) for sigma in (1.6, 1.1))


def _softness(sigma: float) -> Gain:
    return np.asarray(-2 * np.square(np.pi * sigma * BAND_FREQUENCIES))


class _Reckoned:
    """A bench whose photos have a kernel's spectrum, and colours that are softer besides."""

    def __init__(self, colours: Gain, *, noise: float = 0.0) -> None:
        self._noise = noise
        self._photo = self._of(_SHARP, colours, 0.0)

    def _of(self, kernel: BlurKernel, colours: Gain, noise: float) -> Any:
        luma = 2 * np.log(kernel_response(kernel))
        tint = np.log(np.exp(10 + luma + 2 * colours) + noise)
        return SimpleNamespace(spectrum=luma, colour_spectrum=tint)

    def lr(self, kernels: Mapping[str, BlurKernel], tail: Tail) -> list[Any]:
        colours = NO_GAIN
        for entry in tail:
            assert entry.kind == ColourResponse.kind
            assert isinstance(entry.settings, ColourResponseSettings)
            colours = np.log(response_along_axes(entry.settings.taps, BAND_FREQUENCIES))
        return [self._of(kernels["one"], colours, self._noise)] * LEAST_PAIRS

    def matched(self, lr: Sequence[Any]) -> tuple[list[Any], Sequence[Any]]:
        return [self._photo] * LEAST_PAIRS, lr

    def compared(self, lr: Sequence[Any]) -> Any:
        return SimpleNamespace(result=None)


def _closed(bench: _Reckoned, **options: Any) -> LoopResult:
    return close_loop(cast(Bench, bench), {"one": _SOFT}, (), **options)


def test_colours_are_taken_up_again_when_rounds_of_grey_have_moved_them() -> None:
    """They are near at first, as of a kernel as soft as colours are besides."""
    found = _closed(_Reckoned(_softness(0.55)))
    gaps = [one.colour_gap for one in found.rounds]
    assert gaps[0] < 1.5 < max(gaps), gaps
    assert gaps[-1] < 0.6, gaps


def test_colours_have_a_few_rounds_more_and_no_more() -> None:
    """Noise that no filter takes away keeps them apart, and less of them at each round."""
    found = _closed(_Reckoned(_softness(1.1), noise=3.0))
    assert found.rounds[-1].colour_gap > 1
    assert len(found.rounds) <= MOST_ROUNDS + 4
    assert min(one.colour_gap for one in found.rounds) < found.rounds[0].colour_gap


def test_colours_that_are_kept_are_not_taken_up() -> None:
    given = _softness(0.4)
    found = _closed(_Reckoned(NO_GAIN), start=Start(colours=given, keeps_colours=True))
    assert found.colours is given
    assert len(found.rounds) <= MOST_ROUNDS + 1 and found.rounds[-1].colour_gap > 1


def test_a_trial_has_no_more_rounds_than_it_was_given() -> None:
    found = _closed(_Reckoned(_softness(1.1)), most=2, compares=False)
    assert len(found.rounds) == 3 and found.rounds[-1].colour_gap > 1
