"""Studies with planted truth: whether intervals hold it, and what 50 raters of 1,000 images cost.

Two methods differ by 0.4 points; raters have biases (σ 0.4), inconsistencies (0.4 to 0.9) and
likings (σ 0.3) of their own, images suit methods more or less (σ 0.3). Scores are rounded to whole
ones from 1 to 5, as raters give them. Intervals of the difference, and of the first method's score,
are found by drawing raters and images; for comparison stands the plain standard error of all votes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from degrade.opinions import (
    Trial,
    draw_preferences,
    draw_scores,
    fit_preferences,
    fit_scores,
)
from degrade.rng import rng_for
from degrade.studies import StudyDefinition, StudyImage, Votes, find_in_votes

_SIZES = ((5, 10), (8, 20), (15, 20), (26, 20), (26, 100), (50, 100))
_TRUE, _LEVEL = 0.4, 2.8


def _coverage(raters: int, images: int, studies: int) -> tuple[float, float, float, float]:
    """Return how often intervals hold the truth.

    Of differences, with their half width, of scores, and of differences by plain standard errors.
    """
    held, scores, plain, halves = 0, 0, 0, []
    for study in range(studies):
        rng = rng_for(0, "coverage", raters, images, study)
        who, scene, method = (each.ravel() for each in np.indices((raters, images, 2)))
        likes, suits = rng.normal(0, 0.3, raters), rng.normal(0, 0.3, images)
        value = rng.normal(_LEVEL, 0.3, images)[scene] + rng.normal(0, 0.4, raters)[who]
        value += method * (_TRUE + likes[who] + suits[scene])
        value += rng.uniform(0.4, 0.9, raters)[who] * rng.standard_normal(len(who))
        score = np.clip(np.rint(value), 1, 5)
        fit = fit_scores(who, scene * 2 + method, score, raters=raters, stimuli=images * 2)
        drawn = draw_scores(
            *(who, scene, method, score, fit.bias[who], fit.inconsistency[who] ** -2.0),
            methods=2,
            draws=300,
        )
        low, high = drawn.difference(1, 0)[1] or (0.0, 0.0)
        held += low <= _TRUE <= high
        halves.append((high - low) / 2)
        ends = drawn.interval(0) or (0.0, 0.0)
        scores += ends[0] <= _LEVEL <= ends[1]
        sides = [score[method == m] for m in range(2)]
        error = 1.96 * (sum(side.var() / len(side) for side in sides)) ** 0.5
        plain += abs(sides[1].mean() - sides[0].mean() - _TRUE) <= error
    return held / studies, float(np.mean(halves)), scores / studies, plain / studies


def _pairs(rng: np.random.Generator, raters: int, images: int) -> tuple[np.ndarray, ...]:
    """Return votes on three methods, of raters and images that like each more or less (σ 0.5)."""
    who, scene, pair = (each.ravel() for each in np.indices((raters, images, 3)))
    first, second = np.array([(0, 1), (0, 2), (1, 2)])[pair].T
    likes = rng.normal(0, 0.5, (raters, 3))[who] + rng.normal(0, 0.5, (images, 3))[scene]
    worth = np.array([0.6, 0.0, -0.6]) + likes
    every = np.arange(len(who))
    half = (worth[every, first] - worth[every, second]) / 2
    chance = np.stack([np.full(len(who), 0.6), np.exp(half), np.exp(-half)]).cumsum(axis=0)
    answer = (rng.random(len(who)) * chance[-1] > chance[:-1]).sum(axis=0)
    return who, scene, first, second, answer


def _pairs_coverage(raters: int, images: int, studies: int) -> tuple[float, float]:
    """Return how often intervals hold what all would say, and their half width."""
    _, _, first, second, answer = _pairs(rng_for(0, "everybody"), 1500, 600)
    wins, ties = np.zeros((3, 3)), np.zeros((3, 3))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        told = np.bincount(answer[(first == a) & (second == b)], minlength=3)
        ties[a, b], wins[a, b], wins[b, a] = told
    strength = fit_preferences(wins, ties).strength
    held, halves = 0, []
    for study in range(studies):
        rng = rng_for(0, "pairs", raters, images, study)
        drawn = draw_preferences(*_pairs(rng, raters, images), methods=3, draws=300)
        low, high = drawn.difference(0, 2)[1] or (0.0, 0.0)
        held += low <= strength[0] - strength[2] <= high
        halves.append((high - low) / 2)
    return held / studies, float(np.mean(halves))


def _definition(images: int, kind: str, methods: int) -> StudyDefinition:
    return StudyDefinition(
        kind=kind,  # type: ignore[arg-type]
        methods=tuple(f"method {m}" for m in range(methods)),
        questions=("How good?",),
        images=tuple(
            StudyImage(name=f"{n}", width=1, height=1, results=("0" * 64,) * methods)
            for n in range(images)
        ),
        shows_reference=False,
        seed=0,
        per_rater=None,
        check_every=15,
        settings_sha256="0" * 64,
    )


def cost(raters: int, images: int, methods: int) -> None:
    """Print what a study takes: its raters' beginning, a vote, and all of them read."""
    rng = rng_for(0, "cost")
    definition = _definition(images, "mos", methods)
    trials = [Trial(image, method) for image in range(images) for method in range(methods)]
    with tempfile.TemporaryDirectory() as folder, Votes(Path(folder) / "votes.db") as votes:
        begun = time.perf_counter()
        for rater in range(raters):
            votes.begin(f"secret {rater}", lambda _: trials, most=raters)
        print(f"{raters} raters begun: {time.perf_counter() - begun:.1f} s")
        begun, count = time.perf_counter(), min(500, len(trials) // 2)
        for number in range(1, count + 1):
            votes.vote(0, number, {0: 3}, key=f"key {number}", seconds=1)
        print(f"a vote, on the disk: {(time.perf_counter() - begun) / count * 1000:.2f} ms")
        rows = [
            (rater, number, 0, int(rng.integers(1, 6)), f"k{number}", 0.0, 1.0)
            for rater in range(raters)
            for number in range(1 if rater else count + 1, len(trials) + 1)
        ]
        with votes._file.transaction() as file:
            file.executemany(
                "INSERT INTO votes (rater, trial, question, answer, key, at, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            file.execute("UPDATE raters SET answered = trials")
        begun = time.perf_counter()
        people, cast = votes.raters_and_votes()
        read = time.perf_counter()
        find_in_votes(definition, people, cast)
        print(
            f"{len(cast):,} votes: read in {read - begun:.1f} s, results in "
            f"{time.perf_counter() - read:.1f} s"
        )


def main() -> None:
    """Print the table, and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    print("| raters | images | differences | ± | scores | differences by plain standard errors |")
    print("|---|---|---|---|---|---|")
    for raters, images in _SIZES:
        held, half, scores, plain = _coverage(raters, images, studies)
        print(f"| {raters} | {images} | {held:.0%} | {half:.2f} | {scores:.0%} | {plain:.0%} |")
    for raters, images in ((8, 10), (26, 20)):
        held, half = _pairs_coverage(raters, images, studies)
        print(f"pairs, {raters} raters of {images} images: {held:.0%}, ±{half:.2f} log odds")
    cost(50, 1000, 2)


if __name__ == "__main__":
    main()
