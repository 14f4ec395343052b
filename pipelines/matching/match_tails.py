"""What follows the blur in a match: which noise, and whether JPEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from degrade.audit.closed_loop import NO_GAIN, Gain
from degrade.audit.tail_choice import distance_of_noise, louder_by
from degrade.degradation import Entry, PoolIndex
from degrade.degradation.steps import (
    Jpeg,
    JpegChoice,
    ModelledNoise,
    ModelledNoiseSettings,
    Residual,
    ResidualSettings,
)
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool
from pipelines.matching.match_bench import Bench, Tail, make_recipe, with_colours
from pipelines.shared.recipes import lacking

__all__ = ["choose_tail", "possible_tails"]

_LOUDER = 1.25
"""Times the photos' noise, from which on noise is too loud."""

_MUCH_NEARER = 0.75
"""Share of the distance without noise that is left, for noise to be worth having."""

_WORTH_COMPRESSING = 0.5
"""Share of a pool's photos that are JPEGs, from which on compression is tried."""


def possible_tails(pool: DegradationPool, scale: Scale) -> list[Tail]:
    """Return what may follow the blur, by what a pool has: noise of either kind or none, JPEG."""
    index = pool.index(scale)
    patches = Entry(Residual.kind, ResidualSettings(of="camera"))
    model = Entry(ModelledNoise.kind, ModelledNoiseSettings(of="camera"))
    noises: list[Tail] = [(), (patches,), (model,)]
    photos = max(len(pool.photos), 1)
    compresses = len(Jpeg.photos(index)) >= _WORTH_COMPRESSING * photos
    tails = [(*noise, *jpeg) for noise in noises for jpeg in _jpegs(compresses)]
    return [tail for tail in tails if _can_draw(tail, index)]


def _jpegs(compresses: bool) -> list[Tail]:
    return [(), (Entry(Jpeg.kind, JpegChoice(of="camera")),)] if compresses else [()]


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
        bench.matched(bench.lr(kernels, with_colours(colours, tail), most=1)) for tail in tails
    ]
    loudest = max(_LOUDER, louder_by(*pairs[0]))
    distances = [
        distance_of_noise(*pair) if louder_by(*pair) <= loudest else np.inf for pair in pairs
    ]
    best = int(np.argmin(distances))
    return tails[best] if distances[best] < _MUCH_NEARER * distances[0] else tails[0]
