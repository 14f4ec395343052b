"""Davidson's model."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from degrade.errors import InvalidValueError
from degrade.opinions import fit_preferences


def expected(strength: np.ndarray, nu: float, votes: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts that the model expects of so many votes for each pair."""
    worth = np.exp(strength)
    equal = nu * np.sqrt(worth[:, None] * worth)
    total = worth[:, None] + worth + equal
    wins = votes * worth[:, None] / total
    np.fill_diagonal(wins, 0)
    return wins, np.triu(votes * equal / total, 1)


def test_fit_preferences_of_what_the_model_expects_is_the_model() -> None:
    strength = np.array([0.8, -0.3, -0.9, 0.4])
    fit = fit_preferences(*expected(strength, 0.7, 1e7))
    assert np.allclose(fit.strength, strength, atol=1e-5)
    assert np.isclose(fit.ties, np.log(0.7), atol=1e-5)


def test_fit_preferences_finds_the_maximum_that_scipy_finds(rng: np.random.Generator) -> None:
    wins = rng.integers(0, 12, (5, 5)).astype(float)
    ties = np.triu(rng.integers(0, 6, (5, 5)), 1).astype(float)
    fit = fit_preferences(wins, ties)

    def against(values: np.ndarray) -> float:
        s, level = values[:-1], values[-1]
        value = np.sum(values**2) / 50
        for a in range(5):
            for b in range(a + 1, 5):
                parts = np.array([(s[a] - s[b]) / 2, (s[b] - s[a]) / 2, level])
                chances = parts - np.log(np.exp(parts).sum())
                value -= chances @ np.array([wins[a, b], wins[b, a], ties[a, b]])
        return float(value)

    best = scipy.optimize.minimize(against, np.zeros(6), method="BFGS", options={"gtol": 1e-9})
    assert np.allclose(fit.strength, best.x[:-1] - best.x[:-1].mean(), atol=1e-5)
    assert np.isclose(fit.ties, best.x[-1], atol=1e-5)


def test_fit_preferences_fits_many_tables_as_one(rng: np.random.Generator) -> None:
    wins = rng.integers(0, 9, (4, 3, 3)).astype(float)
    ties = np.triu(rng.integers(0, 9, (4, 3, 3)), 1).astype(float)
    whole = fit_preferences(wins, ties)
    for number in range(4):
        one = fit_preferences(wins[number], ties[number])
        assert np.allclose(one.strength, whole.strength[number], atol=1e-8)


@pytest.mark.parametrize("won", [0.0, 1.0, 1e6])
def test_fit_preferences_stays_finite(won: float) -> None:
    """Of a method that always wins, and where nobody finds any two equal."""
    wins = np.array([[0, won], [0, 0]])
    fit = fit_preferences(wins, np.zeros((2, 2)))
    assert np.isfinite(fit.strength).all() and np.isfinite(fit.ties)
    assert (fit.strength[0] > fit.strength[1]) == (won > 0)


def test_preferred_adds_up_to_one() -> None:
    fit = fit_preferences(*expected(np.array([1.0, 0.0, -1.0]), 0.5, 100.0))
    share = fit.preferred()
    assert np.allclose(share + share.T, 1) and share[0, 1] > 0.6


@pytest.mark.parametrize(
    "wins", [np.zeros((1, 1)), np.zeros((2, 3)), np.full((2, 2), -1.0), np.full((2, 2), np.nan)]
)
def test_fit_preferences_refuses_what_are_no_counts(wins: np.ndarray) -> None:
    with pytest.raises(InvalidValueError):
        fit_preferences(wins, np.zeros_like(wins))
