"""How often real functions are called, and what a pool holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from degrade.pool import DegradationPool
from pipelines import (
    BuildPoolConfig,
)


def pool_of(config: BuildPoolConfig) -> DegradationPool:
    return DegradationPool.open(config.noise.pool)


class Calls(Counter[str]):
    """Counts the calls of real functions."""

    def spy(self, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, label: str) -> None:
        real: Callable[..., Any] = getattr(place, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            self[label] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(place, name, counting)
