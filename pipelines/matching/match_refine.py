"""What is left when spectra agree: how much noise, how different the kernels, how sharp the edges.

Rounds of the loop make means of spectra agree, whatever else differs: a kernel that sharpens
texture makes up for noise that is missing. Photos then vary less than LR: all of them have some of
the camera's noise, and none has the error of an estimate. So three things are tried, one after the
other, each with rounds of its own, and judged by all figures, means and spreads: a share of the
camera's noise; kernels nearer to their mean; edges that are sharpened more than texture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import MOST_GAIN, NO_GAIN, kernel_response, with_gain
from degrade.audit.divergence import divergence, divergences
from degrade.audit.features import PhotoFeatures
from degrade.degradation import Entry
from degrade.degradation.steps import (
    STEPS,
    EdgeSharpening,
    EdgeSharpeningSettings,
    ModelledNoise,
    ModelledNoiseSettings,
)
from degrade.kernels import BlurKernel
from degrade.rng import rng_for
from pipelines.matching.match_bench import Bench, Tail
from pipelines.matching.match_loop import LoopResult, close_loop

__all__ = ["Refinement", "nearer_to_mean", "refine"]

# Each from little to much.
_TIMES = (0.35, 0.5, 0.7, 1.0)
_SHARES = (0.5, 0.8)
_AMOUNTS = (0.2, 0.4)
_ROUNDS = 2
_NEARER = 0.95
"""Share of the divergence that is left, for a change to be worth having."""

_RESAMPLES, _MOST_CHOICES = 200, 0.9
"""Photos drawn again, and the share of draws by which a change must be nearer: twenty photos differ
from twenty others by more than what is looked for."""

_LEAST = 16
"""Photos that show what LR shows, from which on spreads of their figures say anything."""

_LEAST_RESPONSE = 0.02
"""Of what kernels keep less, no ratio is made."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """What was tried beyond the loop, and kept.

    Attributes
    ----------
    noise : float
        Times the noise of the camera's model; 0 where the loop's choice stayed.
    towards_mean : float
        Share of the way by which kernels were moved to the mean of their camera.
    edges : float
        By how much edges are sharpened, as in
        :class:`degrade.degradation.steps.EdgeSharpening`.
    apart : (float, float)
        :func:`degrade.audit.divergence.divergence`, before and after.
    """

    noise: float = 0.0
    towards_mean: float = 0.0
    edges: float = 0.0
    apart: tuple[float, float] = (0.0, 0.0)

    @property
    def changes(self) -> bool:
        """Whether anything was kept."""
        return bool(self.noise or self.towards_mean or self.edges)

    def words(self) -> str:
        """Return it in one line for people."""
        kept = [
            f"noise of the camera's model, times {self.noise:g}" * bool(self.noise),
            f"kernels {self.towards_mean:.0%} nearer to their mean" * bool(self.towards_mean),
            f"edges sharpened by {self.edges:g}" * bool(self.edges),
        ]
        told = ", ".join(filter(None, kept)) or "nothing brings LR nearer"
        before, after = self.apart
        return f"refined: {told}; figures {before:.3f} apart before, {after:.3f} after"

    def values(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "noise": self.noise,
            "towards_mean": self.towards_mean,
            "edges": self.edges,
            "before": round(self.apart[0], 4),
            "after": round(self.apart[1], 4),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A recipe whose rounds are done, and how far its LR is from the photos."""

    refinement: Refinement
    found: LoopResult
    kernels: Mapping[str, BlurKernel]
    """Moved, but without the gain that its rounds have found."""

    pairs: npt.NDArray[np.int64]
    """As :meth:`Bench.pairs` returns them."""

    sets: tuple[Sequence[PhotoFeatures], Sequence[PhotoFeatures]]
    """Photos and LR that show alike."""

    apart: float

    def is_nearer_than(self, other: _State, bench: Bench) -> bool:
        """Whether it is clearly nearer, and would be with most choices of the photos."""
        if self.apart > _NEARER * other.apart:
            return False
        rng = rng_for(bench.seed, "refine")
        count = len(bench.keys)
        drawn = rng.multinomial(count, np.full(count, 1 / count), _RESAMPLES).astype(np.float64)
        ours, theirs = (
            divergences(*one.sets, *[drawn[:, one.pairs[:, 0]]] * 2) for one in (self, other)
        )
        return float(np.mean(ours < theirs)) >= _MOST_CHOICES


def refine(
    bench: Bench,
    found: LoopResult,
    cameras: Mapping[str, str],
    on_round: Callable[[str], None] | None = None,
) -> tuple[Refinement, Mapping[str, BlurKernel], LoopResult]:
    """Try what the loop cannot correct; keep what brings LR nearer by the figures of all kinds.

    Parameters
    ----------
    bench : Bench
    found : LoopResult
        Whose kernels are corrected.
    cameras : mapping of str to str
        Of kernels whose camera has a mean of its own: which.
    on_round : callable or None
        Told what was kept, in words.

    Returns
    -------
    refinement : Refinement
    kernels : mapping of str to BlurKernel
        Those of ``found``, moved.
    found : LoopResult
        With the gain that these then were given, what follows them, and the rounds of that.
    """
    corrected = replace(found, gains=dict.fromkeys(found.kernels, NO_GAIN))
    best = _judged(bench, Refinement(), found.kernels, corrected)
    begun = best.apart
    if len(best.pairs) >= _LEAST:
        for changes in (_noises, _means, _edges):
            before = best
            last = before.apart
            for refinement, tail in changes(bench, before):
                moved = nearer_to_mean(found.kernels, cameras, refinement.towards_mean)
                trial = _settled(bench, refinement, moved, tail, before.found)
                if trial.apart >= last:  # what is more of it leads further away
                    break
                last = trial.apart
                if trial.is_nearer_than(before, bench):
                    best = trial
    refinement = replace(best.refinement, apart=(begun, best.apart))
    if on_round is not None:
        on_round(refinement.words())
    return refinement, best.kernels, best.found


def nearer_to_mean(
    kernels: Mapping[str, BlurKernel], cameras: Mapping[str, str], share: float
) -> Mapping[str, BlurKernel]:
    """Return kernels whose amplitude is nearer to their camera's mean by a share of the way.

    Parameters
    ----------
    kernels : mapping of str to BlurKernel
        By id.
    cameras : mapping of str to str
        Of kernels whose camera has a mean of its own: which; all others have one together.
    share : float
        0: as they are; 1: all of a camera keep the same.
    """
    if not share:
        return kernels
    kept = {
        key: np.log(np.maximum(kernel_response(kernel), _LEAST_RESPONSE))
        for key, kernel in kernels.items()
    }
    groups: dict[str | None, list[str]] = {}
    for key in kernels:
        groups.setdefault(cameras.get(key), []).append(key)
    means = {name: np.mean([kept[key] for key in keys], axis=0) for name, keys in groups.items()}
    moved = {}
    for key, kernel in kernels.items():
        gain = share * (means[cameras.get(key)] - kept[key])
        moved[key] = with_gain(kernel, np.clip(gain, -MOST_GAIN, MOST_GAIN))
    return moved


def _noises(bench: Bench, best: _State) -> Iterator[tuple[Refinement, Tail]]:
    if not bench.pool.index(bench.scale).noise_groups.photos:
        return
    quiet = tuple(entry for entry in best.found.tail if not STEPS[entry.kind].is_noise)
    for times in _TIMES:
        entry = Entry(ModelledNoise.kind, ModelledNoiseSettings(times=times))
        yield replace(best.refinement, noise=times), _in_order(*quiet, entry)


def _means(bench: Bench, best: _State) -> Iterator[tuple[Refinement, Tail]]:
    if len(best.found.kernels) > 1:
        for share in _SHARES:
            yield replace(best.refinement, towards_mean=share), best.found.tail


def _edges(bench: Bench, best: _State) -> Iterator[tuple[Refinement, Tail]]:
    for amount in _AMOUNTS:
        entry = Entry(EdgeSharpening.kind, EdgeSharpeningSettings(amount))
        yield replace(best.refinement, edges=amount), _in_order(*best.found.tail, entry)


def _in_order(*entries: Entry) -> Tail:
    order = list(STEPS)
    return tuple(sorted(entries, key=lambda entry: order.index(entry.kind)))


def _settled(
    bench: Bench,
    refinement: Refinement,
    kernels: Mapping[str, BlurKernel],
    tail: Tail,
    before: LoopResult,
) -> _State:
    """Return a recipe after some rounds, which begin where those before it have ended."""
    begin = next(iter(before.gains.values())), before.colours
    found = close_loop(bench, kernels, tail, _ROUNDS, begin=begin, compares=False)
    return _judged(bench, refinement, kernels, found)


def _judged(
    bench: Bench, refinement: Refinement, kernels: Mapping[str, BlurKernel], found: LoopResult
) -> _State:
    lr = found.lr or bench.lr(found.kernels, found.behind_blur)
    pairs = bench.pairs(lr)
    sets = [bench.photos[i] for i in pairs[:, 0]], [lr[j] for j in pairs[:, 1]]
    return _State(refinement, found, kernels, pairs, sets, divergence(*sets))
