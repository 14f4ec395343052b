"""A few rounds of what ``python -m tests.torture`` does for as long as one likes."""

from __future__ import annotations

import pytest

from tests.torture.__main__ import all_parts
from tests.torture.damage import ODD_VALUES
from tests.torture.parts import SHORT, Part, run_part
from tests.torture.readers_of_given_files import ODD_IN_SQL

GROUPS = (
    "kills: ",
    "signals: ",
    "steps: ",
    "workers: build-pairs",
    "disk: ",
    "odd: ",
    "flips: ",
    "fuzz: ",
    "calls: extract-noise",
    "calls: export h5",
)
PARTS = [part for part in all_parts() if f"{part.group}: {part.subject}".startswith(GROUPS)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.group}-{part.subject}")
def test_every_injected_fault_ends_as_documented(part: Part) -> None:
    outcome = run_part(part, SHORT, lambda *_: None)
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.cases > 0
    assert not outcome.failures


def test_all_odd_texts_are_put_into_votes() -> None:
    """Their hashes differ from process to process: what asks these cannot be repeated."""
    assert [value for value in ODD_IN_SQL if isinstance(value, str)] == [
        value for value in ODD_VALUES if isinstance(value, str)
    ]
    assert 1e308 in ODD_IN_SQL and 2**63 not in ODD_IN_SQL
