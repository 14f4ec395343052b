"""The clean-up of HR where a recipe is of a match: as the match's HR had it."""

from __future__ import annotations

from degrade.degradation import DegradationConfig
from degrade.degradation.index import MATCHED
from degrade.pool import DegradationPool
from pipelines.shared.job import Job

__all__ = ["choose_clean_up"]

_WORDS = {1: "as it is", 2: "halved first"}


def choose_clean_up(
    job: Job, pool: DegradationPool, drawn: DegradationConfig, *, is_open: bool
) -> int:
    """Return the clean-up of HR, and tell where the match decides it, or was made with other HR.

    Parameters
    ----------
    job : Job
    pool : DegradationPool
    drawn : DegradationConfig
        With the clean-up that was given, or the usual one.
    is_open : bool
        Whether a match decides: none was given.

    Raises
    ------
    DegradeError
        The match in the pool is damaged.
    """
    own = drawn.clean_up
    if MATCHED not in drawn.measured_kinds:
        return own
    its = pool.matched_clean_up(drawn.scale)
    if its == own:
        return own
    if is_open:
        words = f"HR is {_WORDS[its]}, as for the match (`clean_up={its}`)"
        job.found("clean_up", words, clean_up=its)
        return its
    words = (
        f"the match was made with other HR: {_WORDS[its]} (`clean_up={its}`), and here it is "
        f"{_WORDS[own]} (`clean_up={own}`), so LR may be {'softer' if its > own else 'sharper'} "
        "than the photos"
    )
    job.found("other_hr", words, of_match=its, clean_up=own)
    return own
