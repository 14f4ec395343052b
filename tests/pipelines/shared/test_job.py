from __future__ import annotations

import signal

import pytest

from degrade.images.sources import Reject
from pipelines.shared.interrupts import Interrupted
from pipelines.shared.job import Job


def test_report_tells_what_was_collected() -> None:
    steps: list[tuple[int, int]] = []
    job = Job("build", "pair", lambda done, total: steps.append((done, total)))
    job.progress(1, 2)
    job.rejects.append(Reject("a.png", "is no image"))
    job.found("pairs", "5 pairs", pairs=5)
    report = job.report(3, skipped=2, rejects_file="r.jsonl")
    assert (report.job, report.unit, report.done, report.skipped) == ("build", "pair", 3, 2)
    assert report.lines == ("5 pairs",) and report.facts[0].values == {"pairs": 5}
    assert len(report.rejects) == 1 and report.exit_code == 3 and report.seconds >= 0
    assert steps == [(1, 2)]


@pytest.mark.parametrize(
    ("error", "number"),
    [(KeyboardInterrupt(), signal.SIGINT), (Interrupted(signal.SIGTERM), signal.SIGTERM)],
)
def test_stoppable_ends_the_block_and_lets_the_job_report(
    error: KeyboardInterrupt, number: int
) -> None:
    job = Job("build", "pair")
    with job.stoppable():
        raise error
    assert job.report(0).interrupted == number and job.report(0).exit_code == 128 + number


def test_stoppable_passes_errors_on() -> None:
    job = Job("build", "pair")
    with pytest.raises(ValueError, match="broken"), job.stoppable():
        raise ValueError("broken")
    assert job.interrupted is None
