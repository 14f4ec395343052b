"""Gains that differ with direction, for photos that show that their sharpness does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import MOST_GAIN, NO_TURNS, Gain, Turns, corrected_kernel
from degrade.audit.directions import (
    DIRECTIONS,
    Direction,
    Steps,
    direction_steps,
    direction_turns,
    find_directions,
    gap_by_direction,
    response_by_direction,
    turns_apart,
)
from degrade.kernels import BlurKernel
from degrade.rng import rng_for
from pipelines.matching.match_bench import Bench, Tail

__all__ = ["DirectedResult", "correct_directions"]

_LEAST = 16
"""Photos that show what LR shows, from which on halves of them say anything."""

_ROUNDS = 3
_IMPROVED = 0.9
"""Share of the distance that is left, for a further round to be worth having."""

_NEARER = 0.95
"""The same of photos that did not set a gain, most of whose distance may be chance."""

Curves: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DirectedResult:
    """What photos show of direction, and what was done about it.

    Attributes
    ----------
    kernels : mapping of str to BlurKernel
        Corrected, or as they were given.
    turns : (3, 24) float64 array
        As in :mod:`degrade.audit.closed_loop`; 0 throughout where kernels were left as they were.
    found : tuple of Direction
    gaps : (tuple of float, tuple of float)
        dB for each of :data:`degrade.audit.directions.DIRECTIONS`, before and after.
    held_out : (float, float) or None
        How far apart the ways that photos show are, dB, before and after, of photos that did not
        set the gain; None where it was not tried.
    responses : two (4, 24) float64 arrays
        Which share of the amplitude the kernels keep in each direction, before and after: means.
    """

    kernels: Mapping[str, BlurKernel]
    turns: Turns
    found: tuple[Direction, ...]
    gaps: tuple[tuple[float, ...], tuple[float, ...]]
    held_out: tuple[float, float] | None
    responses: tuple[Curves, Curves]

    @property
    def corrected(self) -> bool:
        """Whether kernels were changed."""
        return bool(self.turns.any())

    def words(self) -> str:
        """Return what came of it in one line for people."""
        shown = [way for way in self.found if way.is_there]
        if not shown:
            return f"direction: photos show none beyond their scenes' ({_gap_words(self.gaps[0])})"
        ways = ", ".join(
            f"{way.way} {way.size:+.1f} dB at {way.frequency:.2f} c/px" for way in shown
        )
        if self.held_out is None:
            return f"direction: photos show {ways}, but are too few to correct it"
        held = "{:.2f} dB apart, {:.2f} with it".format(*self.held_out)
        if not self.corrected:
            return f"direction: photos show {ways}; no gain, photos that did not set it are {held}"
        told = f"{_gap_words(self.gaps[0])} before; {_gap_words(self.gaps[1])} after"
        return f"direction: photos show {ways}; {told} (photos that did not set the gain: {held})"


def _gap_words(gap: Sequence[float]) -> str:
    parts = (f"{name} {size:+.1f}" for name, size in zip(DIRECTIONS, gap, strict=True))
    return f"{', '.join(parts)} dB"


def correct_directions(
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    gains: Mapping[str, Gain],
    behind_blur: Tail,
    on_round: Callable[[str], None] | None = None,
) -> DirectedResult:
    """Give kernels more gain in some directions than in others, where photos show it.

    They do when they differ from LR that shows the like more than signs flipped at random make
    them, and when a gain by one half of them brings LR nearer to the other half, both ways.

    Parameters
    ----------
    bench : Bench
    kernels : mapping of str to BlurKernel
        As they were estimated.
    gains : mapping of str to (24,) float64 array
        By :func:`pipelines.matching.match_loop.close_loop`, of these kernels and perhaps others.
    behind_blur : tuple of Entry
        What follows the blur.
    on_round : callable or None
        Told what was found, in words.
    """
    trial = _Trial(bench, kernels, gains, behind_blur)
    steps = trial.steps(NO_TURNS)
    found = find_directions(steps, rng_for(bench.seed, "directions"))
    turns, held_out, after = NO_TURNS, None, steps
    if any(way.is_there for way in found) and len(steps) >= _LEAST:
        halves = _held_out(trial, steps, found)
        held_out = float(halves[:, 0].mean()), float(halves[:, 1].mean())
        if (halves[:, 1] < halves[:, 0]).all() and held_out[1] < _NEARER * held_out[0]:
            turns, after = _closed(trial, steps, found)
    made = trial.kernels(turns)
    gaps = _told(steps), _told(after)
    responses = _mean_response(trial.kernels(NO_TURNS)), _mean_response(made)
    result = DirectedResult(made, turns, found, gaps, held_out, responses)
    if on_round is not None:
        on_round(result.words())
    return result


def _mean_response(kernels: Mapping[str, BlurKernel]) -> Curves:
    return np.asarray(np.mean([response_by_direction(each) for each in kernels.values()], axis=0))


def _told(steps: Steps) -> tuple[float, ...]:
    return tuple(float(size) for size in gap_by_direction(steps))


def _held_out(trial: _Trial, steps: Steps, found: Sequence[Direction]) -> Curves:
    """Return how far apart each half of the photos is, before and by the gain of the other half."""
    half = np.arange(len(steps)) % 2 == 0
    rows = []
    for learned in (half, ~half):
        turns = direction_turns(steps[learned], found)
        parts = steps[~learned], trial.steps(turns)[~learned]
        rows.append([turns_apart(part, found) for part in parts])
    return np.array(rows)


def _closed(trial: _Trial, steps: Steps, found: Sequence[Direction]) -> tuple[Turns, Steps]:
    """Return the gain of the least distance, and what it leaves, after some rounds."""
    best, left = NO_TURNS, steps
    smallest = turns_apart(steps, found)
    for _ in range(_ROUNDS):
        turns = np.clip(best + direction_turns(left, found), -MOST_GAIN, MOST_GAIN)
        now = trial.steps(turns)
        size = turns_apart(now, found)
        improved = size < _IMPROVED * smallest
        if size < smallest:
            best, left, smallest = turns, now, size
        if not improved:
            break
    return best, left


class _Trial:
    """LR by kernels with some turns, against the photos that showed the like without any."""

    def __init__(
        self,
        bench: Bench,
        kernels: Mapping[str, BlurKernel],
        gains: Mapping[str, Gain],
        behind_blur: Tail,
    ) -> None:
        self._bench, self._begun, self._gains, self._tail = bench, kernels, gains, behind_blur
        self._first = bench.lr(self.kernels(NO_TURNS), behind_blur)
        self._pairs = bench.pairs(self._first)

    def kernels(self, turns: Turns) -> dict[str, BlurKernel]:
        """Return the kernels with their gains and these turns, rounded once."""
        return {
            key: corrected_kernel(kernel, self._gains[key], turns)
            for key, kernel in self._begun.items()
        }

    def steps(self, turns: Turns) -> Steps:
        """Return by how much pairs of photos and LR differ."""
        made = turns.any()
        lr = self._bench.lr(self.kernels(turns), self._tail) if made else self._first
        photos = [self._bench.photos[i] for i in self._pairs[:, 0]]
        return direction_steps(photos, [lr[j] for j in self._pairs[:, 1]])
