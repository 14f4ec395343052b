"""What is planted is found by the measurements, and summed up for what it is."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.arrays import U8Array, round_to_u8
from degrade.audit.expectations import expect, judge
from degrade.audit.planting import CLEAN, Trial, planted_kernels, run_trials
from degrade.errors import InvalidValueError
from degrade.kernels.metrics import kernel_psnr
from tests.degrade.audit.scenes import make_scene


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return list(run_trials(make_clean("clean"), 2, np.random.default_rng(0)))


def make_clean(name: str) -> U8Array:
    return round_to_u8(make_scene(name, 320))


def of_plant(trials: list[Trial], kind: str, plant: str) -> Trial:
    return next(trial for trial in trials if (trial.kind, trial.plant) == (kind, plant))


def test_widths_of_planted_kernels_are_found(trials: list[Trial]) -> None:
    for plant in ("Gaussian σ 0.6", "Gaussian σ 0.9"):
        found = of_plant(trials, "kernel", plant)
        assert found.outcome == "right" and found.error is not None
        assert abs(found.error) < 0.25 and found.decibels is not None and found.decibels > 45
        assert found.confidence is not None and 0 <= found.confidence <= 1


def test_planted_jpeg_is_found_where_it_was_cut(trials: list[Trial]) -> None:
    assert of_plant(trials, "JPEG", "quality 75").outcome == "right"
    assert of_plant(trials, "JPEG", CLEAN).outcome == "right"


def test_trials_are_the_same_again(trials: list[Trial]) -> None:
    again = run_trials(make_clean("clean"), 2, np.random.default_rng(0))
    assert [next(again) for _ in range(3)] == trials[:3]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_planted_kernels_are_what_they_are_called(scale: int) -> None:
    kernels = planted_kernels(scale)
    assert min(kernels["sharpened, with lobes"].weights.flat) < -1e-4
    assert min(kernels["bicubic, with lobes"].weights.flat) < -1e-4
    names = [name for name in kernels if name.startswith("Gaussian")]
    peaks = [kernels[name].weights.max() for name in names]
    assert peaks == sorted(peaks, reverse=True)
    slanted = kernels["slanted σ 0.9 by 0.4"].weights
    assert kernel_psnr(slanted, np.rot90(slanted)) < 60
    for kernel in kernels.values():
        assert kernel.scale == scale and kernel.weights.sum() == pytest.approx(1, abs=1e-5)


def test_small_photos_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="less than the 384 a side"):
        next(run_trials(np.zeros((383, 500, 3), np.uint8), 4, np.random.default_rng(0)))


def test_flat_photos_tell_nothing_and_break_nothing() -> None:
    flat = np.full((200, 200, 3), 120, np.uint8)
    outcomes = {trial.outcome for trial in run_trials(flat, 2, np.random.default_rng(0))}
    assert "not told" in outcomes


def repeated(outcomes: str, **more: float) -> list[Trial]:
    words = {"r": "right", "w": "wrong", "n": "not told"}
    return [Trial("JPEG", "quality 75", words[letter], **more) for letter in outcomes]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcomes", "trust"),
    [
        ("r" * 10, "good"),
        ("r" * 8 + "nn", "good"),
        ("r" * 6 + "n" * 3 + "w", "expect"),
        ("r" * 2 + "n" * 8, "seldom"),
        ("r" * 8 + "ww", "do not trust"),
    ],
)
def test_shares_decide_on_trust(outcomes: str, trust: str) -> None:
    (found,) = expect(repeated(outcomes))
    assert found.trust == trust
    assert found.right == outcomes.count("r") / 10 and found.wrong == outcomes.count("w") / 10


@pytest.mark.parametrize(
    ("errors", "trust", "words"),
    [
        ([0.05, -0.06, 0.02], "good", "good, ±6 %"),
        ([0.3, -0.2, 0.1], "expect", "expect ±28 %"),
        ([0.9, -0.8, 0.1], "do not trust", "do not trust it on these photos"),
    ],
)
def test_errors_decide_on_trust(errors: list[float], trust: str, words: str) -> None:
    (found,) = expect([Trial("noise", "σ 6", "right", error=error) for error in errors])
    assert found.trust == trust and found.advice() == words
    sentence = judge([found])["noise"]
    assert ("do not trust" in sentence) == (trust == "do not trust")


def test_photos_that_are_not_clean_are_not_blamed_on_the_measurement() -> None:
    dirty = [Trial("JPEG", CLEAN, "wrong")] * 3
    rows = expect([*repeated("rrr"), *dirty])
    assert judge(rows)["JPEG"] == "can be used on photos like these"
    assert "these are not clean" in rows[1].advice()


def test_what_photos_do_not_tell_is_not_called_of_use() -> None:
    """Flat photos tell no quality of JPEG: that nothing of it is wrong is no praise."""
    clean = [Trial("JPEG", CLEAN, "right")]
    rows = expect([*repeated("nnn"), *clean])
    assert judge(rows)["JPEG"] == "of little use on photos like these, which seldom tell"
    assert rows[0].advice() == "such photos do not tell"
    told = [Trial("JPEG", "quality 90", "right")] * 3
    assert judge(expect([*repeated("nnn"), *told, *clean]))["JPEG"] == (
        f"can be used on photos like these; seldom told: {rows[0].plant}"
    )


def test_widths_that_are_mostly_wrong_are_not_to_be_trusted_however_near() -> None:
    """Screenshots: no width was right, and errors of a quarter were called what to expect."""
    wrong = [Trial("kernel", "Gaussian σ 0.6", "wrong", error=-0.24)] * 6
    right = [Trial("kernel", "Gaussian σ 0.9", "right", error=0.13)] * 6
    rows = expect([*wrong, *right])
    assert [row.advice() for row in rows] == ["do not trust it on these photos", "expect ±13 %"]
    assert judge(rows)["kernel"] == (
        "can be used on photos like these, but not for: Gaussian σ 0.6; otherwise expect errors up "
        "to 13 %"
    )


def test_what_is_seldom_told_is_called_right_only_where_it_is() -> None:
    told = [Trial("noise", "σ 2", "right", error=0.1), Trial("noise", "σ 2", "wrong", error=0.3)]
    untold = [Trial("noise", "σ 2", "not told")] * 3
    (found,) = expect([*told, *untold])
    assert found.advice() == "such photos seldom tell; right in 20%, wrong in 20%"
    (found,) = expect([told[0], *untold])
    assert found.advice() == "such photos seldom tell; what they tell is right"
