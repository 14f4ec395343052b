"""The loop of ``degrade match``: LR made, compared with photos, and its recipe corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from degrade.audit.closed_colours import LEAST_GAIN, colour_gap
from degrade.audit.closed_loop import (
    MOST_GAIN,
    NO_GAIN,
    Gain,
    corrected_kernel,
    next_gain,
    spectral_gap,
)
from degrade.audit.comparison import Comparison
from degrade.audit.features import PhotoFeatures
from degrade.kernels import BlurKernel
from pipelines.matching.match_bench import Bench, Tail, with_colours

__all__ = ["LoopResult", "Round", "Start", "close_loop", "gaps_of"]

MOST_ROUNDS = 5
_MORE_FOR_COLOURS = 3
"""Rounds, when kernels are done and colours are not."""

_IMPROVED = 0.9
_DB = 20 / np.log(10)
_CLOSE_ENOUGH = 0.15
"""dB: what rounds do not make smaller."""

_NEGLIGIBLE = 0.5
"""dB: a set may be told from photos by nothing, and still have a larger gap, if it is small."""

_COLOURS_CLOSE_ENOUGH, _NEGLIGIBLE_COLOURS = 0.4, 1.0
"""dB: as of the audit's difference in the softness of colours."""

_STEPS = 0.7, 1.0
"""Of the gap that is closed in a round, of spectra and of colours: what lies above Nyquist folds
back, and so less is predictable than all; a filter on LR has nothing above."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    Attributes
    ----------
    gap, colour_gap : float
        dB, root mean square over the bands that are corrected; of colours 0 where photos or LR
        are grey.
    comparison : Comparison or None
        Of photos and LR; None where they were not compared.
    """

    gap: float
    colour_gap: float
    comparison: Comparison | None

    def words(self, number: int) -> str:
        """Return the round in one line for people."""
        found = None if self.comparison is None else self.comparison.result
        auc = "" if found is None else f", {found.area_words}"
        apart = f"spectra {self.gap:.2f} dB apart"
        apart += f", colours {self.colour_gap:.1f}" if self.colour_gap else ""
        return f"round {number}: {apart}{auc}"

    @property
    def alike(self) -> bool:
        """Whether nothing tells LR from photos, and no gap is left that matters."""
        found = None if self.comparison is None else self.comparison.result
        near = self.gap < _NEGLIGIBLE and self.colour_gap < _NEGLIGIBLE_COLOURS
        return near and found is not None and found.interval[0] <= 0.5


@dataclass(frozen=True, slots=True, eq=False)
class LoopResult:
    """What the loop came to.

    Attributes
    ----------
    kernels : mapping of str to BlurKernel
        Corrected, by the id of the kernel that each was; one that has no centre with its gain is
        the very one that it was.
    gains : mapping of str to (24,) float64 array
        As in :mod:`degrade.audit.closed_loop`, each kernel's: the same for all, unless cameras
        have theirs.
    colours : (24,) float64 array
        As in :mod:`degrade.audit.closed_colours`; 0 throughout where they were left as they are.
    tail : tuple of Entry
        What follows blur and colours.
    rounds : tuple of Round
        The first one is of the kernels as they were estimated.
    lr : tuple of PhotoFeatures or None
        What LR by these kernels and these colours looks like, where a round was of just them.
    """

    kernels: Mapping[str, BlurKernel]
    gains: Mapping[str, Gain]
    colours: Gain
    tail: Tail
    rounds: tuple[Round, ...]
    lr: tuple[PhotoFeatures, ...] | None = None

    @property
    def behind_blur(self) -> Tail:
        """What follows the blur."""
        return with_colours(self.colours, self.tail)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a loop begins with.

    Attributes
    ----------
    gain, colours : (24,) float64 array
        Of kernels and of colours, in the first round.
    keeps_colours : bool
        Colours stay so.
    rounds : int
        Those before, from which they are counted on.
    """

    gain: Gain = field(default_factory=lambda: NO_GAIN)
    colours: Gain = field(default_factory=lambda: NO_GAIN)
    keeps_colours: bool = False
    rounds: int = 0


def close_loop(
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    tail: Tail,
    *,
    start: Start | None = None,
    most: int = MOST_ROUNDS,
    on_round: Callable[[str], None] | None = None,
    compares: bool = True,
) -> LoopResult:
    """Correct kernels until LR cannot be told from photos, or nothing improves.

    Parameters
    ----------
    bench : Bench
    kernels : mapping of str to BlurKernel
        As they were estimated.
    tail : tuple of Entry
    start : Start or None
        None: without gains.
    most : int
        Rounds.
    on_round : callable or None
        Told each round as it ends, in words.
    compares : bool
        False: by spectra alone, without asking whether LR can be told from photos.
    """
    begun = start or Start()
    luma = _Correction(_CLOSE_ENOUGH, _STEPS[0], begun.gain, begun.gain)
    tint = _Correction(
        _COLOURS_CLOSE_ENOUGH, _STEPS[1], begun.colours, begun.colours, least=LEAST_GAIN
    )
    tint = replace(tint, done=begun.keeps_colours)
    rounds: list[Round] = []
    seen: list[tuple[Gain, Gain, tuple[PhotoFeatures, ...]]] = []
    before: Gain | None = None
    for number in range(most + 1 + (_MORE_FOR_COLOURS if compares else 0)):
        if number > most:
            if tint.done or rounds[-1].colour_gap < _NEGLIGIBLE_COLOURS:
                break
            luma.end()
        lr = bench.lr(_corrected(kernels, luma.gain), with_colours(tint.gain, tail))
        seen.append((luma.gain, tint.gain, tuple(lr)))
        matched = bench.matched(lr)
        gaps = spectral_gap(*matched), colour_gap(*matched)
        comparison = bench.compared(lr) if compares else None
        rounds.append(Round(_decibels(gaps[0]), _decibels(gaps[1]), comparison))
        if on_round is not None:
            on_round(rounds[-1].words(begun.rounds + len(rounds) - 1))
        # What sharpens grey sharpens colours: how near these were was told of other kernels.
        moved = luma.gain is not before and rounds[-1].colour_gap >= _NEGLIGIBLE_COLOURS
        before = luma.gain
        luma.learn(gaps[0])
        if moved and not begun.keeps_colours:
            tint.take_up()
        tint.learn(gaps[1])
        if rounds[-1].alike or (luma.done and tint.done):
            break
    kept = _corrected(kernels, luma.best)
    gains = dict.fromkeys(kernels, luma.best)
    best = (lr for gain, tinted, lr in seen if gain is luma.best and tinted is tint.best)
    return LoopResult(kept, gains, tint.best, tail, tuple(rounds), next(best, None))


def gaps_of(bench: Bench, lr: Sequence[PhotoFeatures]) -> tuple[float, float]:
    """Return how far apart spectra of photos and LR are, and those of colours, dB."""
    matched = bench.matched(lr)
    return _decibels(spectral_gap(*matched)), _decibels(colour_gap(*matched))


@dataclass(slots=True)
class _Correction:
    """A gain that is corrected round by round, until it is near enough or nothing improves.

    Attributes
    ----------
    near : float
        dB: what rounds need not make smaller.
    step : float
        Of the gap that is closed in a round.
    gain : (24,) float64 array
        Of the next round; once it is done, the best one.
    best : (24,) float64 array
        That of the smallest gap.
    least : float
        What no band of the gain is below.
    """

    near: float
    step: float
    gain: Gain = field(default_factory=lambda: NO_GAIN)
    best: Gain = field(default_factory=lambda: NO_GAIN)
    done: bool = False
    least: float = -MOST_GAIN
    _smallest: float = np.inf

    def take_up(self) -> None:
        """Forget the gaps before: they were of something else."""
        self.done, self._smallest = False, np.inf

    def end(self) -> None:
        """Leave it at the best."""
        self.done, self.gain = True, self.best

    def learn(self, gap: Gain) -> None:
        """Take in the gap that the gain has left."""
        if self.done:
            return
        size = _decibels(gap)
        improved = size < _IMPROVED * self._smallest
        if size < self._smallest:
            self._smallest, self.best = size, self.gain
        self.done = not improved or size < self.near
        if self.done:
            self.end()
        else:
            self.gain = next_gain(self.gain, gap, self.step, least=self.least)


def _decibels(gap: Gain) -> float:
    return float(_DB * np.sqrt(np.mean(np.square(gap))))


def _corrected(kernels: Mapping[str, BlurKernel], gain: Gain) -> dict[str, BlurKernel]:
    return {key: corrected_kernel(kernel, gain) for key, kernel in kernels.items()}
