"""What each rater of a study sees, in which order: balanced over raters, the same for one seed."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.rng import rng_for

__all__ = ["DECOY", "NOTHING", "TRUE", "Design", "Kind", "Role", "Trial", "plan_trials"]

Kind: TypeAlias = Literal["mos", "pairs"]

Role: TypeAlias = Literal["vote", "obvious", "repeat"]

NOTHING, DECOY, TRUE = -1, -2, -3
"""In the place of a method's number: no second image; a version that nobody can like; what the
decoy was made of."""

_BEFORE = 4
"""So many trials lie between one and its repetition, where there are so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What raters are to see.

    Attributes
    ----------
    kind : str
        ``mos``: one result at a time; ``pairs``: two results of one image.
    images, methods : int
        How many there are.
    seed : int
    per_rater : int or None
        Trials of a rater, without checks; None: all.
    check_every : int
        Trials for each check of attention, of which there are at least two; 0: no checks.
    decoys : tuple of int
        Images that have a decoy.
    """

    kind: Kind
    images: int
    methods: int
    seed: int = 0
    per_rater: int | None = None
    check_every: int = 15
    decoys: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        least = 1 if self.kind == "mos" else 2
        if self.methods < least or self.images < 1:
            raise InvalidValueError(
                f"a study of this kind needs {least} methods and 1 image, got {self.methods} and "
                f"{self.images}"
            )

    @property
    def conditions(self) -> tuple[tuple[int, int], ...]:
        """What an image is shown as: each method, or each two of them."""
        if self.kind == "mos":
            return tuple((method, NOTHING) for method in range(self.methods))
        return tuple(itertools.combinations(range(self.methods), 2))

    @property
    def votes(self) -> int:
        """Trials of a rater, without checks."""
        all_of_them = self.images * len(self.conditions)
        return all_of_them if self.per_rater is None else min(self.per_rater, all_of_them)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rater is asked at once.

    Attributes
    ----------
    image : int
    first, second : int
        Methods; ``first`` is at the left. See :data:`NOTHING`, :data:`DECOY` and :data:`TRUE`.
    role : str
        ``vote``; or a check of attention: ``obvious``, or ``repeat`` of an earlier trial.
    of : int
        The place of what is repeated, from 1 on; 0 of others.
    """

    image: int
    first: int
    second: int = NOTHING
    role: Role = "vote"
    of: int = 0


def plan_trials(design: Design, rater: int) -> list[Trial]:
    """Return what a rater sees, in order.

    An image comes back only when all others that are not done with were seen. The order of its
    methods is a row of a Williams square (each follows each other equally often), the next row for
    the next rater. Of pairs half have their first method at the left, and the next rater sees the
    other half so. Where a rater sees a part, the next one goes on behind it: after any number of
    raters the numbers of votes of two (image, condition) differ by at most 1.

    Parameters
    ----------
    design : Design
    rater : int
        From 0 on.

    References
    ----------
    Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
    Australian Journal of Scientific Research A 2 (1949).
    """
    conditions = design.conditions
    part = _part(design, rater)
    square = _williams(len(conditions))
    swapped = _sides(design, rater)
    rng = rng_for(design.seed, "study", "rater", rater)
    trials: list[Trial] = []
    rows = {
        image: [number for number in square[(rater + image) % len(square)] if number in numbers]
        for image, numbers in part.items()
    }
    for block in range(len(conditions)):
        left = [image for image, row in rows.items() if len(row) > block]
        images = [left[place] for place in rng.permutation(len(left))]
        if trials and len(images) > 1 and trials[-1].image == images[0]:
            images[0], images[1] = images[1], images[0]
        for image in images:
            number = rows[image][block]
            first, second = conditions[number]
            if swapped[image, number]:
                first, second = second, first
            trials.append(Trial(image, first, second))
    return _with_checks(design, trials, rng)


def _part(design: Design, rater: int) -> dict[int, set[int]]:
    """Return the conditions that a rater sees of each image.

    All (image, condition) stand in a row, image by image, and each rater takes the next ones, round
    and round. When parts end where the row ends, it is drawn anew: other images and conditions come
    together, and nobody sees anything twice.
    """
    count = len(design.conditions)
    cells = design.images * count
    raters = cells // math.gcd(cells, design.votes)
    turn, place = divmod(rater, raters)
    rng = rng_for(design.seed, "study", "parts", turn)
    images = rng.permutation(design.images)
    rows = rng.permuted(np.tile(np.arange(count), (design.images, 1)), axis=1)
    part: dict[int, set[int]] = {}
    for step in range(design.votes):
        slot, entry = divmod((place * design.votes + step) % cells, count)
        part.setdefault(int(images[slot]), set()).add(int(rows[slot, entry]))
    return part


def _williams(count: int) -> list[list[int]]:
    """Return orders of ``count`` things in which each follows each other equally often."""
    first = [0]
    for step in range(1, count):
        first.append((step + 1) // 2 if step % 2 else count - step // 2)
    rows = [[(entry + row) % count for entry in first] for row in range(count)]
    return rows if count % 2 == 0 else rows + [row[::-1] for row in rows]


def _sides(design: Design, rater: int) -> npt.NDArray[np.bool_]:
    """Return which of all (image, pair) have their first method at the right, for a rater."""
    shape = design.images, len(design.conditions)
    if design.kind == "mos":
        return np.zeros(shape, np.bool_)
    size = shape[0] * shape[1]
    half = rng_for(design.seed, "study", "sides", rater // 2).permutation(np.arange(size) % 2)
    swapped: npt.NDArray[np.bool_] = half.reshape(shape) == rater % 2
    return swapped


def _with_checks(design: Design, votes: list[Trial], rng: np.random.Generator) -> list[Trial]:
    """Return the trials with checks among them, obvious ones and repetitions in turn."""
    if design.check_every == 0 or len(votes) < _BEFORE:
        return votes
    count = max(2, len(votes) // design.check_every)
    edges = np.linspace(0, len(votes), count + 1).astype(int)
    places = [int(rng.integers((low + high) // 2, high)) for low, high in itertools.pairwise(edges)]
    trials: list[Trial] = []
    for place, vote in enumerate(votes):
        trials.append(vote)
        if place not in places:
            continue
        if places.index(place) % 2 == 0 and design.decoys:
            trials.append(_obvious(design, rng))
        else:
            trials.append(_repetition(trials, rng))
    return trials


def _obvious(design: Design, rng: np.random.Generator) -> Trial:
    image = int(rng.choice(design.decoys))
    if design.kind == "mos":
        return Trial(image, DECOY, NOTHING, "obvious")
    sides = (TRUE, DECOY) if rng.integers(2) else (DECOY, TRUE)
    return Trial(image, *sides, "obvious")


def _repetition(trials: list[Trial], rng: np.random.Generator) -> Trial:
    places = [n for n, trial in enumerate(trials, 1) if trial.role == "vote"]
    early = [place for place in places if place <= len(trials) - _BEFORE] or places[:1]
    place = int(rng.choice(early))
    again = replace(trials[place - 1], role="repeat", of=place)
    if again.second != NOTHING:
        again = replace(again, first=again.second, second=again.first)
    return again
