"""A study's plan and its votes, for tests of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from degrade.studies import Votes


@pytest.fixture
def votes(tmp_path: Path) -> Iterator[Votes]:
    with Votes(tmp_path / "votes.db") as opened:
        yield opened
