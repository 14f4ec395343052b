"""The loop around the training step.

The pairs of a step depend on seed and step only, and nothing else here is random after the
networks are made, so a run that is stopped and resumed goes on bit by bit as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from degrade.errors import DegradeError
from esrgan.data import Samples
from esrgan.distributed import ALONE, World
from esrgan.training.batches import Batch, read_batches
from esrgan.training.config import TrainingConfig
from esrgan.training.state import TrainingState, create_state
from esrgan.training.step import training_step

__all__ = ["Batch", "TrainingState", "create_state", "take_steps", "training_step"]

MAX_SKIPPED_IN_A_ROW = 10
"""Steps without a finite loss after which a run takes up its last good state."""

MAX_RESTORED = 3
"""How often a run does so before it gives up."""

StepCallback: TypeAlias = Callable[[TrainingState, Mapping[str, float]], None]


def take_steps(
    dataset: Samples,
    state: TrainingState,
    config: TrainingConfig,
    *,
    workers: int = 0,
    world: World = ALONE,
    on_step: StepCallback | None = None,
    should_stop: Callable[[], bool] | None = None,
    last_good: Callable[[], Mapping[str, Any] | None] | None = None,
) -> None:
    """Train from ``state.step`` to ``config.steps``.

    Parameters
    ----------
    dataset : Samples
        Its seed also decides the order of the pairs.
    state : TrainingState
        Changed in place.
    config : TrainingConfig
    workers : int
        Processes that read data; 0 reads in this one. Does not change what is computed.
    world : World
        The processes that train together; each calls this function.
    on_step : callable or None
        Called after each step with the state and the step's losses.
    should_stop : callable or None
        Asked after each step; True in any process ends the loop in all.
    last_good : callable or None
        Gives what :meth:`TrainingState.to_plain` returned at an earlier time, or None. Asked for
        after :data:`MAX_SKIPPED_IN_A_ROW` steps in a row without a finite loss; the run goes on
        with those weights and the next pairs. A resumed run does what the uninterrupted one would
        have done if the answer depends on ``state.step`` alone, not on when it was stopped.

    Raises
    ------
    DegradeError
        A pair is damaged, or no loss was finite for so many steps, and there was no earlier state
        or :data:`MAX_RESTORED` of them have not helped.
    """
    steps = range(state.step, config.steps)
    asked = time.monotonic()
    for batch in read_batches(
        dataset, config, steps=steps, device=state.device, workers=workers, world=world
    ):
        began = time.monotonic()
        losses = training_step(state, batch, config, world=world)
        state.watched |= _times(asked, began, time.monotonic())
        if state.skipped_in_a_row >= MAX_SKIPPED_IN_A_ROW:
            _go_back(state, last_good() if last_good else None)
        if on_step:
            on_step(state, losses)
        if world.any(bool(should_stop and should_stop()), state.device):
            return
        asked = time.monotonic()


def _times(asked: float, began: float, ended: float) -> dict[str, float]:
    """Return how fast a step was, and its share of waiting for its batch."""
    seconds = max(ended - asked, 1e-9)
    return {"steps_a_second": 1 / seconds, "waiting": (began - asked) / seconds}


def _go_back(state: TrainingState, plain: Mapping[str, Any] | None) -> None:
    """Take up the weights of an earlier state, which saw the same steps end well."""
    if plain is None or state.restored >= MAX_RESTORED:
        tried = f"{state.restored} returns to an earlier checkpoint did not help"
        raise DegradeError(
            f"no loss was finite in the last {state.skipped_in_a_row} steps, up to step "
            f"{state.step}, and {tried if plain else 'there is no checkpoint to go back to'}: "
            "check the pairs with `degrade verify`, or begin anew with a lower `learning_rate` "
            "and another `out` (`init` takes weights over)"
        )
    state.restore(plain, counters=False)
    state.skipped_in_a_row = 0
    state.restored += 1
