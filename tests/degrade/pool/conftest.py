"""A new pool for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from degrade.pool import DegradationPool


@pytest.fixture
def pool(tmp_path: Path) -> DegradationPool:
    return DegradationPool.create(tmp_path / "pool")
