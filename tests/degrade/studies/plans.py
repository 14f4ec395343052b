"""What raters are shown in tests."""

from __future__ import annotations

from degrade.opinions import Trial

__all__ = ["PLAN", "plan"]

PLAN = [Trial(0, 1, 0), Trial(1, 0, 1), Trial(0, 0, 1, "repeat", 1)]


def plan(_rater: int) -> list[Trial]:
    return PLAN
