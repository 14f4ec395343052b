"""A filter of all channels, and behind which kernels a recipe has it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from degrade.degradation import MEASURED, PoolIndex, read_recipe
from degrade.degradation.even_filters import UNCHANGED
from degrade.degradation.fixed_point import TAP_UNIT
from degrade.degradation.index import SPECTRAL_KERNEL
from degrade.degradation.recipe import Entry, draw_steps
from degrade.degradation.steps import (
    ESTIMATES_LACK,
    Response,
    ResponseSettings,
    Step,
    StepInputs,
    read_step,
)
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())
LEVELS = make_scene("response", 90, 131) * np.float32(255)
SOFT = (TAP_UNIT // 4, TAP_UNIT // 8, TAP_UNIT // 16)
"""The filter 1 2 1 along rows and columns."""

INDEX = PoolIndex(("found", "imported"), spectral=frozenset(("found",)))


def test_apply_filters_all_channels() -> None:
    found = Response(SOFT).apply(LEVELS, GIVEN)
    assert found.dtype == np.float32 and found.shape == LEVELS.shape
    wanted = LEVELS.astype(np.float64)
    for axis in (0, 1):
        wanted = ndimage.correlate1d(wanted, (0.25, 0.5, 0.25), axis=axis, mode="reflect")
    # Levels are filtered in whole 16ths.
    assert np.abs(found - wanted).max() <= 1 / 32
    assert np.abs(Response(UNCHANGED).apply(LEVELS, GIVEN) - LEVELS).max() <= 1 / 32


def test_apply_gives_the_same_bits_on_every_machine() -> None:
    levels = rng_for(0, "response").integers(0, 2**14, (40, 50, 3)).astype(np.float32)
    found = Response(ESTIMATES_LACK).apply(levels / np.float32(64), GIVEN)
    digest = hashlib.sha256(found.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "56f2b7411e7b6446"


def test_words_say_what_amplitude_is_multiplied_by() -> None:
    assert Response(SOFT).words() == (
        "filtered, amplitude ×0.85 at 0.125 c/px, ×0.50 at 0.25, ×0.00 at 0.5"
    )


def test_levels_that_no_camera_has_are_cut() -> None:
    """Else sums of filters behind each other would not be exact, and hang on their order."""
    levels = LEVELS * np.float32(1e9)
    strong = Response((TAP_UNIT * 5, -TAP_UNIT, 0))
    wanted = strong.apply(levels.clip(-1023, 1023), GIVEN)
    assert np.array_equal(strong.apply(levels, GIVEN), wanted) and wanted.any()


def test_apply_refuses_what_is_no_lr_yet() -> None:
    with pytest.raises(InvalidValueError, match="needs LR"):
        Response(SOFT).apply(np.empty((0, 0, 3), np.float32), GIVEN)


@pytest.mark.parametrize("taps", [[], [1], [TAP_UNIT, 1, 0], [0.5], ["a"], [2**40]])
def test_read_step_refuses_what_cannot_be(taps: list[object]) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "response", "taps": taps})


def steps_behind(kernel_id: str, entry: Entry) -> tuple[Step, ...]:
    return draw_steps([entry], INDEX, (8, 8), rng_for(0, "response"), kernel_id=kernel_id)


def test_it_follows_kernels_that_were_estimated_where_the_recipe_says_so() -> None:
    wanted = (Response(SOFT),)
    of_any = Entry("response", ResponseSettings(SOFT))
    of_estimates = Entry("response", ResponseSettings(SOFT, "spectral"))
    assert of_any.draws_from == () and of_estimates.draws_from == (SPECTRAL_KERNEL,)
    assert steps_behind("found", of_any) == steps_behind("imported", of_any) == wanted
    assert steps_behind("found", of_estimates) == wanted
    assert steps_behind("imported", of_estimates) == ()
    assert of_estimates.words().endswith("at 0.5, behind kernels of the spectral estimator")
    assert of_any.words().endswith("at 0.5")


@pytest.mark.parametrize(("kernel", "kinds"), [("found", 2), ("imported", 1)])
def test_a_plan_asks_the_kernel_that_it_has_drawn(kernel: str, kinds: int) -> None:
    recipe = MEASURED.without(("linear-light", "model-error", "residual", "jpeg"))
    pool = PoolIndex((kernel,), spectral=INDEX.spectral)
    steps = draw_steps(recipe.possible, pool, (8, 8), rng_for(0, "plan"))
    assert [step.kind for step in steps] == ["blur", "response"][:kinds]


def test_the_recipe_measured_gives_back_what_estimates_lack() -> None:
    (entry,) = (entry for entry in MEASURED.entries if entry.kind == "response")
    assert entry.settings == ResponseSettings(ESTIMATES_LACK, "spectral")
    assert read_recipe(MEASURED.to_json()) == MEASURED
