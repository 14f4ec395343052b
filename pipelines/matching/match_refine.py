"""What is left when spectra agree: how much noise, how different the kernels, how sharp the edges.

Rounds of the loop make means of spectra agree, whatever else differs: a kernel that sharpens
texture makes up for noise that is missing. Photos then vary less than LR: all of them have some of
the camera's noise, and none has the error of an estimate. So three things are tried, one after the
other, each with rounds of its own, and judged by all figures, means and spreads: a share of the
camera's noise; kernels nearer to their mean; edges that are sharpened more than texture.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import (
    MOST_GAIN,
    NO_GAIN,
    Gain,
    corrected_kernel,
    kernel_response,
)
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
from degrade.errors import DegradeError
from degrade.kernels import BlurKernel
from degrade.rng import rng_for
from pipelines.matching.match_bench import Bench, Tail
from pipelines.matching.match_loop import LoopResult, Start, close_loop

__all__ = ["KernelGroups", "Refinement", "nearer_to_mean", "refine"]

# Each from little to much.
_TIMES = (0.35, 0.5, 0.7, 1.0)
_SHARES = (0.5, 0.8)
_AMOUNTS = (0.2, 0.4)
_ROUNDS = 2
_NEARER = 0.95
"""Share of the distance that is left, for a change to be worth having."""

_RESAMPLES, _MOST_CHOICES = 200, 0.95
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
    tried : bool
        False: too few photos show what LR shows.
    """

    noise: float = 0.0
    towards_mean: float = 0.0
    edges: float = 0.0
    apart: tuple[float, float] = (0.0, 0.0)
    tried: bool = True

    @property
    def changes(self) -> str:
        """What was kept, in words; empty: nothing."""
        kept = [
            f"noise of the camera's model, times {self.noise:g}" * bool(self.noise),
            f"kernels {self.towards_mean:.0%} nearer to their mean" * bool(self.towards_mean),
            f"edges sharpened by {self.edges:g}" * bool(self.edges),
        ]
        return ", ".join(filter(None, kept))

    def words(self) -> str:
        """Return it in one line for people."""
        if not self.tried:
            return f"not refined: fewer than {_LEAST} photos show what HR shows"
        before, after = self.apart
        told = self.changes or "nothing brings LR nearer"
        return f"refined: {told}; figures {before:.3f} apart before, {after:.3f} after"

    def values(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "noise": self.noise,
            "towards_mean": self.towards_mean,
            "edges": self.edges,
            "before": round(self.apart[0], 4),
            "after": round(self.apart[1], 4),
            "tried": self.tried,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A recipe whose rounds are done, and how far its LR is from the photos."""

    refinement: Refinement
    found: LoopResult
    kernels: Mapping[str, BlurKernel]
    """Moved, but without the gain that its rounds have found."""

    lr: Sequence[PhotoFeatures]
    apart: float


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Says which of two recipes is nearer, by the same pairs of photos and LR each time."""

    bench: Bench
    pairs: npt.NDArray[np.int64]
    """As :meth:`Bench.pairs` returns them, of the recipe that all begins with."""

    def settled(
        self,
        refinement: Refinement,
        kernels: Mapping[str, BlurKernel],
        tail: Tail,
        before: LoopResult,
    ) -> _State:
        """Return a recipe after some rounds, which begin where those before it have ended."""
        start = Start(next(iter(before.gains.values())), before.colours)
        found = close_loop(self.bench, kernels, tail, start=start, most=_ROUNDS, compares=False)
        return self.judged(refinement, kernels, found)

    def judged(
        self, refinement: Refinement, kernels: Mapping[str, BlurKernel], found: LoopResult
    ) -> _State:
        """Return a recipe as it is."""
        lr = found.lr or self.bench.lr(found.kernels, found.behind_blur)
        return _State(refinement, found, kernels, lr, divergence(*self._sets(lr)))

    def is_nearer(self, one: _State, other: _State) -> bool:
        """Whether one is clearly nearer, and would be with most choices of the photos."""
        if one.apart > _NEARER * other.apart:
            return False
        rng = rng_for(self.bench.seed, "refine")
        count = len(self.bench.keys)
        drawn = rng.multinomial(count, np.full(count, 1 / count), _RESAMPLES).astype(np.float64)
        counts = drawn[:, self.pairs[:, 0]]
        ours, theirs = (divergences(*self._sets(x.lr), counts, counts) for x in (one, other))
        return float(np.mean(ours < theirs)) >= _MOST_CHOICES

    def _sets(self, lr: Sequence[PhotoFeatures]) -> tuple[list[PhotoFeatures], list[PhotoFeatures]]:
        return [self.bench.photos[i] for i in self.pairs[:, 0]], [lr[j] for j in self.pairs[:, 1]]


def refine(
    bench: Bench,
    found: LoopResult,
    groups: KernelGroups,
    on_round: Callable[[str], None] | None = None,
) -> tuple[Refinement, Mapping[str, BlurKernel], LoopResult]:
    """Try what the loop cannot correct; keep what brings LR nearer by the figures of all kinds.

    Parameters
    ----------
    bench : Bench
    found : LoopResult
        Whose kernels are corrected.
    groups : KernelGroups
    on_round : callable or None
        Told in words what is tried, the rounds with what was kept, and what came of it.

    Returns
    -------
    refinement : Refinement
    kernels : mapping of str to BlurKernel
        Those of ``found``, moved.
    found : LoopResult
        With the gain that these then were given, what follows them, and all rounds.
    """
    tell = on_round or (lambda words: None)
    lr = found.lr or tuple(bench.lr(found.kernels, found.behind_blur))
    judge = _Judge(bench, bench.pairs(lr))
    if len(judge.pairs) < _LEAST:
        refinement = Refinement(tried=False)
        tell(refinement.words())
        return refinement, found.kernels, found
    corrected = replace(found, gains=dict.fromkeys(found.kernels, NO_GAIN), lr=lr)
    begun = best = judge.judged(Refinement(), found.kernels, corrected)
    for changes in (_noises, _means, _edges):
        # More rounds alone may bring it nearer: what is tried must do better than these.
        with suppress(DegradeError):  # too few photos that show what such LR shows
            more = judge.settled(best.refinement, best.kernels, best.found.tail, best.found)
            best = more if more.apart < best.apart else best
        before = best
        last = before.apart
        for refinement, tail in changes(bench, before.refinement, before.found):
            moved = nearer_to_mean(found.kernels, groups, refinement.towards_mean)
            try:
                trial = judge.settled(refinement, moved, tail, before.found)
            except DegradeError as error:  # too few photos that show what such LR shows
                tell(f"tried: {refinement.changes}: left out, {error}")
                break
            tell(f"tried: {refinement.changes}: figures {trial.apart:.3f} apart, {last:.3f} before")
            if trial.apart >= last:  # what is more of it leads further away
                break
            last = trial.apart
            if judge.is_nearer(trial, before):
                best = trial
    if not best.refinement.changes:
        refinement = replace(best.refinement, apart=(begun.apart, begun.apart))
        tell(refinement.words())
        return refinement, found.kernels, found
    start = Start(
        next(iter(best.found.gains.values())), best.found.colours, rounds=len(found.rounds)
    )
    closed = close_loop(bench, best.kernels, best.found.tail, start=start, on_round=on_round)
    ended = judge.judged(best.refinement, best.kernels, closed)
    refinement = replace(best.refinement, apart=(begun.apart, ended.apart))
    tell(refinement.words())
    return refinement, best.kernels, replace(closed, rounds=(*found.rounds, *closed.rounds))


@dataclass(frozen=True, slots=True)
class KernelGroups:
    """What kernels have in common.

    Attributes
    ----------
    cameras : mapping of str to hashable
        Of kernels whose camera has a mean of its own: which. All others have one together.
    photos : mapping of str to hashable
        Which photo a kernel is of, where that is known: kernels of its regions differ on purpose.
    """

    cameras: Mapping[str, Hashable]
    photos: Mapping[str, Hashable]


def nearer_to_mean(
    kernels: Mapping[str, BlurKernel], groups: KernelGroups, share: float
) -> Mapping[str, BlurKernel]:
    """Return kernels whose amplitude is nearer to their camera's mean by a share of the way.

    Kernels of one photo move together, as far as their mean does: they stay as different as they
    are. One that would have no centre so is the very one that it was.

    Parameters
    ----------
    kernels : mapping of str to BlurKernel
        By id.
    groups : KernelGroups
    share : float
        0: as they are; 1: all photos of a camera keep the same.
    """
    if not share:
        return kernels
    of_photo: dict[Hashable, list[Gain]] = {}
    members: dict[Hashable, dict[Hashable, None]] = {}
    for key, kernel in kernels.items():
        photo = groups.photos.get(key, key)
        kept = np.log(np.maximum(kernel_response(kernel), _LEAST_RESPONSE))
        of_photo.setdefault(photo, []).append(kept)
        members.setdefault(groups.cameras.get(key), {})[photo] = None
    own = {photo: np.mean(kept, axis=0) for photo, kept in of_photo.items()}
    means = {
        camera: np.mean([own[photo] for photo in of], axis=0) for camera, of in members.items()
    }
    moved = {}
    for key, kernel in kernels.items():
        gain = share * (means[groups.cameras.get(key)] - own[groups.photos.get(key, key)])
        moved[key] = corrected_kernel(kernel, np.clip(gain, -MOST_GAIN, MOST_GAIN))
    return moved


_Changes: TypeAlias = Iterator[tuple[Refinement, Tail]]


def _noises(bench: Bench, so_far: Refinement, found: LoopResult) -> _Changes:
    if not bench.pool.index(bench.scale).noise_groups.photos:
        return
    quiet = tuple(entry for entry in found.tail if not STEPS[entry.kind].is_noise)
    for times in _TIMES:
        entry = Entry(ModelledNoise.kind, ModelledNoiseSettings(times=times, of="camera"))
        as_it_is = ModelledNoise.kind in {each.kind for each in found.tail} and times == 1
        if not as_it_is:
            yield replace(so_far, noise=times), _in_order(*quiet, entry)


def _means(bench: Bench, so_far: Refinement, found: LoopResult) -> _Changes:
    if len(found.kernels) > 1:
        for share in _SHARES:
            yield replace(so_far, towards_mean=share), found.tail


def _edges(bench: Bench, so_far: Refinement, found: LoopResult) -> _Changes:
    for amount in _AMOUNTS:
        entry = Entry(EdgeSharpening.kind, EdgeSharpeningSettings(amount))
        yield replace(so_far, edges=amount), _in_order(*found.tail, entry)


def _in_order(*entries: Entry) -> Tail:
    order = list(STEPS)
    return tuple(sorted(entries, key=lambda entry: order.index(entry.kind)))
