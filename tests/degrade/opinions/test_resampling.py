"""Intervals hold what they promise: in simulated studies the truth lies in them."""

from __future__ import annotations

import numpy as np

from degrade.opinions import Drawn, draw_preferences, draw_scores, fit_scores

STUDIES = 120
"""Simulated. Of these the truth lies in at least 0.95 − 3·√(0.95·0.05/120) ≈ 0.89."""


def study_of_scores(rng: np.random.Generator, raters: int, images: int) -> Drawn:
    """Simulate a study of two methods, the second better by 0.4 over all raters and images."""
    who, scene, method = (each.ravel() for each in np.indices((raters, images, 2)))
    likes = rng.normal(0, 0.3, raters)  # how much a rater cares for what the second does
    suits = rng.normal(0, 0.3, images)
    score = (
        rng.normal(3, 0.6, images)[scene]
        + rng.normal(0, 0.5, raters)[who]
        + method * (0.4 + likes[who] + suits[scene])
        + rng.uniform(0.4, 0.9, raters)[who] * rng.standard_normal(len(who))
    )
    fit = fit_scores(who, scene * 2 + method, score, raters=raters, stimuli=images * 2)
    weight = fit.inconsistency[who] ** -2.0
    return draw_scores(who, scene, method, score, fit.bias[who], weight, methods=2, draws=200)


def test_draw_scores_intervals_hold_the_truth_for_other_raters_and_images(
    rng: np.random.Generator,
) -> None:
    held, level, widths = 0, 0, []
    for _ in range(STUDIES):
        drawn = study_of_scores(rng, 15, 20)
        value, interval = drawn.difference(1, 0)
        assert interval is not None and interval[0] <= value <= interval[1]
        held += interval[0] <= 0.4 <= interval[1]
        low, high = drawn.interval(0) or (0.0, 0.0)
        level += low <= 3.0 <= high  # what raters who may be more or less generous would say
        widths.append(interval[1] - interval[0])
    assert held / STUDIES >= 0.89 and level / STUDIES >= 0.89
    # The best that can be: ±2.14 standard errors of raters, images and votes.
    error = (0.3**2 / 15 + 0.3**2 / 20 + 2 * 0.65**2 / 300) ** 0.5
    assert np.mean(widths) < 1.5 * 2 * 2.14 * error


def test_draw_scores_without_a_difference_rarely_tells_of_one(rng: np.random.Generator) -> None:
    found = 0
    for _ in range(STUDIES):
        raters, images = 12, 12
        who, scene, method = (each.ravel() for each in np.indices((raters, images, 2)))
        score = rng.normal(3, 1, len(who)) + rng.normal(0, 1, images)[scene]
        ones = np.ones(len(who))
        drawn = draw_scores(who, scene, method, score, 0 * ones, ones, methods=2, draws=200)
        low, high = drawn.difference(1, 0)[1] or (0, 0)
        found += not low <= 0 <= high
    assert found / STUDIES < 0.05 + 3 * (0.05 * 0.95 / STUDIES) ** 0.5


def test_draw_scores_is_the_mean_over_images_of_what_was_voted() -> None:
    """An image that few have seen counts as much as any other."""
    who = np.array([0, 1, 2, 0])
    scene = np.array([0, 0, 0, 1])
    drawn = draw_scores(
        who, scene, np.zeros(4, int), np.array([4.0, 4, 4, 2]), np.zeros(4), np.ones(4), methods=1
    )
    assert drawn.values[0] == 3.0


def test_draw_scores_of_one_rater_has_no_interval() -> None:
    zeros = np.zeros(3, int)
    drawn = draw_scores(zeros, np.arange(3), zeros, np.ones(3), zeros, np.ones(3), methods=1)
    assert drawn.interval(0) is None


def study_of_pairs(rng: np.random.Generator, raters: int, images: int) -> Drawn:
    """Simulate three methods of log strengths 0.5, 0 and −0.5, ν 0.6."""
    pairs = np.array([(0, 1), (0, 2), (1, 2)])
    who, scene, pair = (each.ravel() for each in np.indices((raters, images, 3)))
    first, second = pairs[pair].T
    turned = rng.random(len(who)) < 0.5
    first, second = np.where(turned, second, first), np.where(turned, first, second)
    worth = np.exp(np.array([0.5, 0.0, -0.5]))
    a, b = worth[first], worth[second]
    equal = 0.6 * np.sqrt(a * b)
    drawn = rng.random(len(who)) * (a + b + equal)
    answer = np.where(drawn < a, 1, np.where(drawn < a + b, 2, 0))
    return draw_preferences(who, scene, first, second, answer, methods=3, draws=200)


def test_draw_preferences_intervals_hold_the_truth(rng: np.random.Generator) -> None:
    held = 0
    for _ in range(STUDIES):
        value, interval = study_of_pairs(rng, 10, 15).difference(0, 2)
        assert interval is not None and interval[0] <= value <= interval[1]
        held += interval[0] <= 1.0 <= interval[1]
    assert held / STUDIES >= 0.89


def test_draw_preferences_is_the_same_for_one_seed(rng: np.random.Generator) -> None:
    state = rng.bit_generator.state
    one = study_of_pairs(rng, 5, 5)
    rng.bit_generator.state = state
    again = study_of_pairs(rng, 5, 5)
    assert np.array_equal(one.draws, again.draws)


def test_draw_preferences_of_one_opinion_is_not_sure_without_end() -> None:
    """Five raters who all prefer the first of two on each of four images: 20 votes, no more."""
    who, scene = (each.ravel() for each in np.indices((5, 4)))
    zeros = np.zeros(20, int)
    drawn = draw_preferences(who, scene, zeros, zeros + 1, zeros + 1, methods=2)
    value, interval = drawn.difference(0, 1)
    assert interval is not None and interval[0] > 0
    # By the exact interval 17 % of all might see it otherwise, were all 20 votes independent,
    # and 52 %, were those of a rater one.
    assert 0.48 < 1 / (1 + np.exp(-interval[0])) < 0.83 < 1 / (1 + np.exp(-value))
