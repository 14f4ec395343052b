from __future__ import annotations

import pytest

from benchmarks.opinions import cost


def test_votes_are_timed_as_a_study_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    cost(3, 12, 2)
    begun, vote, read = capsys.readouterr().out.splitlines()
    assert begun.startswith("3 raters begun: ") and vote.endswith(" ms")
    assert read.startswith("72 votes: read in ")
