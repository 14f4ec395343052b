"""The loop of ``degrade match``: LR made, compared with photos, and its recipe corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from degrade.arrays import FloatArray
from degrade.audit.closed_colours import colour_gap, colour_taps
from degrade.audit.closed_loop import NO_GAIN, Gain, next_gain, spectral_gap, with_gain
from degrade.audit.comparison import Comparison, compare_sets
from degrade.audit.features import PhotoFeatures
from degrade.audit.matching import match_content
from degrade.audit.tail_choice import distance_of_noise, louder_by
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation import DegradationConfig, Entry, PoolIndex, Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.steps import (
    Blur,
    BlurSettings,
    ColourResponse,
    ColourResponseSettings,
    Jpeg,
    ModelError,
    ModelErrorSettings,
    ModelledNoise,
    Residual,
)
from degrade.errors import DegradeError
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.matching.hr_patches import PATCHES_A_PHOTO, HRPatches, measure_lr
from pipelines.shared.recipes import lacking

__all__ = [
    "Bench",
    "LoopResult",
    "Round",
    "Tail",
    "choose_tail",
    "close_loop",
    "make_recipe",
    "possible_tails",
]

MOST_ROUNDS = 5
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

_LOUDER = 1.25
"""Times the photos' noise, from which on noise is too loud."""

_MUCH_NEARER = 0.75
"""Share of the distance without noise that is left, for noise to be worth having."""

_WORTH_COMPRESSING = 0.5
"""Share of a pool's photos that are JPEGs, from which on compression is tried."""

Tail = tuple[Entry, ...]
"""What follows the blur in a recipe."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found.

    Attributes
    ----------
    gap, colour_gap : float
        dB, root mean square over the bands that are corrected.
    comparison : Comparison
        Of photos and LR.
    """

    gap: float
    colour_gap: float
    comparison: Comparison

    def words(self, number: int) -> str:
        """Return the round in one line for people."""
        found = self.comparison.result
        auc = ""
        if found is not None:
            low, high = found.interval
            auc = f", AUC {found.auc:.2f} [{low:.2f}, {high:.2f}]"
        apart = f"spectra {self.gap:.2f} dB apart, colours {self.colour_gap:.1f}"
        return f"round {number}: {apart}{auc}"

    @property
    def alike(self) -> bool:
        """Whether nothing tells LR from photos, and no gap is left that matters."""
        found = self.comparison.result
        near = self.gap < _NEGLIGIBLE and self.colour_gap < _NEGLIGIBLE_COLOURS
        return near and found is not None and found.interval[0] <= 0.5


@dataclass(frozen=True, slots=True, eq=False)
class LoopResult:
    """What the loop came to.

    Attributes
    ----------
    kernels : mapping of str to BlurKernel
        Corrected, by the id of the kernel that each was.
    gain : (24,) float64 array
        As in :mod:`degrade.audit.closed_loop`.
    colours : (24,) float64 array
        As in :mod:`degrade.audit.closed_colours`; 0 throughout where they were left as they are.
    tail : tuple of Entry
        What follows blur and colours.
    rounds : tuple of Round
        The first one is of the kernels as they were estimated.
    """

    kernels: Mapping[str, BlurKernel]
    gain: Gain
    colours: Gain
    tail: Tail
    rounds: tuple[Round, ...]

    @property
    def behind_blur(self) -> Tail:
        """What follows the blur."""
        return _with_colours(self.colours, self.tail)


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What LR is made of, and compared with.

    Attributes
    ----------
    pool : DegradationPool
    hr : HRPatches
    photos : tuple of PhotoFeatures
    keys : tuple of str
        The photos' hashes.
    scale : Scale
    seed : int
    """

    pool: DegradationPool
    hr: HRPatches
    photos: tuple[PhotoFeatures, ...]
    keys: tuple[str, ...]
    scale: Scale
    seed: int

    def lr(
        self, kernels: Mapping[str, BlurKernel], tail: Tail, *, most: int = PATCHES_A_PHOTO
    ) -> list[PhotoFeatures]:
        """Return the figures of LR by some kernels, each as likely, and what follows them.

        Of each HR photo at most so many patches are looked at.
        """
        config = DegradationConfig(scale=self.scale, recipe=make_recipe(tail))
        index = self.pool.index(self.scale, config.measured_kinds)
        trial = _Trial(self.pool, kernels)
        index = replace(index, matched_ids=tuple(kernels))
        return measure_lr(self.hr, config, index, trial, self.seed, most=most)

    def matched(
        self, lr: Sequence[PhotoFeatures]
    ) -> tuple[list[PhotoFeatures], list[PhotoFeatures]]:
        """Return photos and LR that show alike, one to one.

        Raises
        ------
        DegradeError
            There are fewer than ten.
        """
        pairs = match_content(
            np.array([photo.content for photo in self.photos]),
            np.array([each.content for each in lr]),
            first_keys=self.keys,
            second_keys=self.hr.keys,
        )
        if len(pairs) < LEAST_PAIRS:
            raise DegradeError(
                f"of {len(self.photos)} photos {len(pairs)} show what an HR photo shows, at least "
                f"{LEAST_PAIRS} are needed: give HR photos of such scenes, or more of both"
            )
        return [self.photos[i] for i in pairs[:, 0]], [lr[j] for j in pairs[:, 1]]

    def compared(self, lr: Sequence[PhotoFeatures]) -> Comparison:
        """Compare photos and LR as `degrade audit` does."""
        return compare_sets(
            self.photos,
            lr,
            rng_for(self.seed, "match"),
            first_keys=self.keys,
            second_keys=self.hr.keys,
        )


class _Trial:
    """A pool with other kernels."""

    def __init__(self, pool: DegradationPool, kernels: Mapping[str, BlurKernel]) -> None:
        self._kernels = kernels
        self._pool = pool

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        """Return a kernel of the trial."""
        return self._kernels[kernel_id]

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int
    ) -> FloatArray:
        """Read a residual of the pool."""
        return self._pool.read_residual_crop(noise_id, top, left, height, width)


def make_recipe(tail: Tail, model_error: float = 0.0) -> Recipe:
    """Return the recipe: matched kernels, the error of the model where there is one, the tail."""
    recipe = Recipe(MATCHED, (Entry(Blur.kind, BlurSettings(kernels=MATCHED)), *tail))
    if not model_error:
        return recipe
    return recipe.having(Entry(ModelError.kind, ModelErrorSettings(model_error, 0.0)))


def possible_tails(pool: DegradationPool, scale: Scale) -> list[Tail]:
    """Return what may follow the blur, by what a pool has: noise of either kind or none, JPEG."""
    index = pool.index(scale)
    noises: list[Tail] = [(), (Entry(Residual.kind),), (Entry(ModelledNoise.kind),)]
    photos = max(len(pool.photos), 1)
    compresses = len(Jpeg.photos(index)) >= _WORTH_COMPRESSING * photos
    tails = [(*noise, *jpeg) for noise in noises for jpeg in _jpegs(compresses)]
    return [tail for tail in tails if _can_draw(tail, index)]


def _jpegs(compresses: bool) -> list[Tail]:
    return [(), (Entry(Jpeg.kind),)] if compresses else [()]


def _can_draw(tail: Tail, index: PoolIndex) -> bool:
    return not lacking(make_recipe(tail), replace(index, matched_ids=("any",)))


def choose_tail(
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    tails: Sequence[Tail],
    colours: Gain = NO_GAIN,
) -> Tail:
    """Return what makes LR most like the photos behind a blur, and the colours' response.

    The first one, which is nothing, stays where no other brings LR much nearer. One with louder
    noise than the photos have is none: kernels would be made too soft to make up for it.
    """
    if len(tails) == 1:
        return tails[0]
    pairs = [
        bench.matched(bench.lr(kernels, _with_colours(colours, tail), most=1)) for tail in tails
    ]
    loudest = max(_LOUDER, louder_by(*pairs[0]))
    distances = [
        distance_of_noise(*pair) if louder_by(*pair) <= loudest else np.inf for pair in pairs
    ]
    best = int(np.argmin(distances))
    return tails[best] if distances[best] < _MUCH_NEARER * distances[0] else tails[0]


def close_loop(
    bench: Bench,
    kernels: Mapping[str, BlurKernel],
    tail: Tail,
    most: int = MOST_ROUNDS,
    on_round: Callable[[str], None] | None = None,
    colours: Gain | None = None,
) -> LoopResult:
    """Correct kernels until LR cannot be told from photos, or nothing improves.

    Parameters
    ----------
    bench : Bench
    kernels : mapping of str to BlurKernel
        As they were estimated.
    tail : tuple of Entry
    most : int
        Rounds.
    on_round : callable or None
        Told each round as it ends, in words.
    colours : (24,) float64 array or None
        The colours' gain, where it is known; None: it is found too.
    """
    luma = _Correction(_CLOSE_ENOUGH, _STEPS[0])
    tint = _Correction(_COLOURS_CLOSE_ENOUGH, _STEPS[1])
    if colours is not None:
        tint = replace(tint, gain=colours, best=colours, done=True)
    rounds: list[Round] = []
    for _ in range(most + 1):
        lr = bench.lr(_corrected(kernels, luma.gain), _with_colours(tint.gain, tail))
        matched = bench.matched(lr)
        gaps = spectral_gap(*matched), colour_gap(*matched)
        rounds.append(Round(_decibels(gaps[0]), _decibels(gaps[1]), bench.compared(lr)))
        if on_round is not None:
            on_round(rounds[-1].words(len(rounds) - 1))
        luma.learn(gaps[0])
        tint.learn(gaps[1])
        if rounds[-1].alike or (luma.done and tint.done):
            break
    kept = _corrected(kernels, luma.best)
    return LoopResult(kept, luma.best, tint.best, tail, tuple(rounds))


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
    """

    near: float
    step: float
    gain: Gain = field(default_factory=lambda: NO_GAIN)
    best: Gain = field(default_factory=lambda: NO_GAIN)
    done: bool = False
    _smallest: float = np.inf

    def learn(self, gap: Gain) -> None:
        """Take in the gap that the gain has left."""
        if self.done:
            return
        size = _decibels(gap)
        improved = size < _IMPROVED * self._smallest
        if size < self._smallest:
            self._smallest, self.best = size, self.gain
        self.done = not improved or size < self.near
        self.gain = self.best if self.done else next_gain(self.gain, gap, self.step)


def _decibels(gap: Gain) -> float:
    return float(_DB * np.sqrt(np.mean(np.square(gap))))


def _corrected(kernels: Mapping[str, BlurKernel], gain: Gain) -> dict[str, BlurKernel]:
    return {key: with_gain(kernel, gain) for key, kernel in kernels.items()}


def _with_colours(gain: Gain, tail: Tail) -> Tail:
    """Return what follows the blur, with the response of colours where they are corrected."""
    if not gain.any():
        return tail
    return (Entry(ColourResponse.kind, ColourResponseSettings(colour_taps(gain))), *tail)
