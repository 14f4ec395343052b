"""What is left when spectra agree: how much noise, how different the kernels, how sharp the edges.

Rounds of the loop make means of spectra agree, whatever else differs: a kernel that sharpens
texture makes up for noise that is missing. Photos then vary less than LR: all of them have some of
the camera's noise, and none has the error of an estimate. So three things are tried, one after the
other, each with rounds of its own, and judged by all figures, means and spreads: a share of the
camera's noise; kernels nearer to their mean; edges that are sharpened more than texture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from degrade.audit.closed_colours import colour_gap
from degrade.audit.closed_loop import (
    MOST_GAIN,
    Gain,
    kernel_response,
    next_gain,
    spectral_gap,
    with_gain,
)
from degrade.audit.divergence import divergence
from degrade.degradation import Entry
from degrade.degradation.steps import (
    STEPS,
    EdgeSharpening,
    EdgeSharpeningSettings,
    ModelledNoise,
    ModelledNoiseSettings,
)
from degrade.kernels import BlurKernel
from pipelines.matching.match_bench import Bench, Tail, with_colours
from pipelines.matching.match_loop import STEPS as ROUND_STEPS
from pipelines.matching.match_loop import LoopResult, corrected

__all__ = ["Refinement", "nearer_to_mean", "refine"]

_TIMES = (0.35, 0.5, 0.7, 1.0)
_SHARES = (0.5, 0.8)
_AMOUNTS = (0.2, 0.4)
_ROUNDS = 2
_NEARER = 0.93
"""Share of the divergence that is left, for a change to be worth having."""

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
    """A recipe whose rounds are done, and what it is worth."""

    refinement: Refinement
    kernels: Mapping[str, BlurKernel]
    tail: Tail
    gains: tuple[Gain, Gain]
    apart: float
    matched: int
    """Photos that show what LR shows."""


def refine(
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    cameras: Mapping[str, str],
    found: LoopResult,
    on_round: Callable[[str], None] | None = None,
) -> tuple[Refinement, Mapping[str, BlurKernel], LoopResult]:
    """Try what the loop cannot correct; keep what brings LR nearer by the figures of all kinds.

    Parameters
    ----------
    bench : Bench
    kernels : mapping of str to BlurKernel
        As they were estimated, by id.
    cameras : mapping of str to str
        Of kernels whose camera has a mean of its own: which.
    found : LoopResult
        Of these kernels.
    on_round : callable or None
        Told what was kept, in words.

    Returns
    -------
    refinement : Refinement
    kernels : mapping of str to BlurKernel
        Moved, but not corrected.
    found : LoopResult
        With their gains, what follows them, and the rounds as they were.
    """
    gains = next(iter(found.gains.values())), found.colours
    best = _settled(bench, Refinement(), kernels, found.tail, gains, rounds=0)
    apart = best.apart
    if best.matched >= _LEAST:
        for changes in (_noises, _means, _edges):
            before = best
            for refinement, tail in changes(bench, before):
                moved = nearer_to_mean(kernels, cameras, refinement.towards_mean)
                trial = _settled(bench, refinement, moved, tail, before.gains, rounds=_ROUNDS)
                if trial.apart < min(_NEARER * before.apart, best.apart):
                    best = trial
    refinement = replace(best.refinement, apart=(apart, best.apart))
    if on_round is not None:
        on_round(refinement.words())
    result = replace(
        found,
        kernels=corrected(best.kernels, best.gains[0]),
        gains=dict.fromkeys(kernels, best.gains[0]),
        colours=best.gains[1],
        tail=best.tail,
    )
    return refinement, best.kernels, result


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
    quiet = tuple(entry for entry in best.tail if not STEPS[entry.kind].is_noise)
    for times in _TIMES:
        entry = Entry(ModelledNoise.kind, ModelledNoiseSettings(times=times))
        yield replace(best.refinement, noise=times), _in_order(*quiet, entry)


def _means(bench: Bench, best: _State) -> Iterator[tuple[Refinement, Tail]]:
    if len(best.kernels) > 1:
        for share in _SHARES:
            yield replace(best.refinement, towards_mean=share), best.tail


def _edges(bench: Bench, best: _State) -> Iterator[tuple[Refinement, Tail]]:
    for amount in _AMOUNTS:
        entry = Entry(EdgeSharpening.kind, EdgeSharpeningSettings(amount))
        yield replace(best.refinement, edges=amount), _in_order(*best.tail, entry)


def _in_order(*entries: Entry) -> Tail:
    order = list(STEPS)
    return tuple(sorted(entries, key=lambda entry: order.index(entry.kind)))


def _settled(
    bench: Bench,
    refinement: Refinement,
    kernels: Mapping[str, BlurKernel],
    tail: Tail,
    gains: tuple[Gain, Gain],
    *,
    rounds: int,
) -> _State:
    """Return a recipe after some rounds, which begin with gains that are known."""
    gain, colours = gains
    for left in range(rounds, -1, -1):
        lr = bench.lr(corrected(kernels, gain), with_colours(colours, tail))
        photos, like = bench.matched(lr)
        if left:
            gain = next_gain(gain, spectral_gap(photos, like), ROUND_STEPS[0])
            if colours.any():
                colours = next_gain(colours, colour_gap(photos, like), ROUND_STEPS[1])
    apart = divergence(photos, like)
    return _State(refinement, kernels, tail, (gain, colours), apart, len(photos))
