from __future__ import annotations

import json
import math
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from degrade.images.sources import Reject
from pipelines.shared.reports import (
    Fact,
    RunReport,
    encode_rejects,
    usual_reason,
    write_report,
)
from pipelines.shared.speech import speaking

SMALL = [
    Reject(f"{n}.png", f"{n}×{n + 1} is smaller than 512", f"use --size {n}") for n in range(5)
]
BROKEN = Reject("x.png", "cannot be decoded")
REPORT = RunReport(job="build", done=1, unit="pair", seconds=2.0)


def test_summary_counts_in_words_that_agree() -> None:
    assert REPORT.summary() == "build: 1 pair in 2.0 s"
    report = replace(REPORT, done=2, skipped=3, rejects=(BROKEN,), facts=(Fact("x", "so"),))
    assert report.summary() == "build: 2 pairs, 3 already there, 1 rejected in 2.0 s\n  so"
    stopped = replace(REPORT, interrupted=signal.SIGTERM).summary()
    assert stopped.endswith("; stopped by SIGTERM: run the same command again to go on")
    anew = replace(REPORT, interrupted=signal.SIGTERM, goes_on=False).summary()
    assert anew.endswith("; stopped by SIGTERM: run the same command again")


def test_summary_of_parts_counts_each_and_tells_all() -> None:
    parts = (
        replace(REPORT, job="a", facts=(Fact("x", "one"),)),
        replace(REPORT, job="b", unit="box", done=2),
    )
    report = replace(REPORT, parts=parts, facts=(Fact("x", "end"),))
    assert report.summary().splitlines() == [
        "build: 1 pair, 2 boxes in 2.0 s",
        "  a: 1 pair in 2.0 s",
        "    one",
        "  b: 2 boxes in 2.0 s",
        "  end",
    ]


def test_a_brief_summary_tells_the_first_of_many_lines_of_a_kind() -> None:
    kernels = [Fact("kernel", f"{number:02}.png") for number in range(40)]
    few = [Fact("noise", f"{number:02}.png") for number in range(12)]
    report = replace(REPORT, facts=(*kernels, *few, Fact("x", "end")))
    whole = report.summary().splitlines()
    assert len(whole) == 1 + 40 + 12 + 1
    brief = replace(report, is_brief=True)
    lines = brief.summary().splitlines()
    told = "  and 32 more: `report` tells all"
    assert lines == [*whole[:9], told, *whole[41:]]
    assert len(brief.to_json()["facts"]) == 53


def test_reject_lines_group_what_differs_in_numbers_alone() -> None:
    report = replace(REPORT, rejects=(*SMALL[:2], BROKEN, *SMALL[2:]), rejects_file="r.jsonl")
    assert report.reject_lines() == [
        "rejected: 5 for one reason, all in r.jsonl:",
        *(f"  {reject}" for reject in SMALL[:3]),
        "  and 2 more",
        f"rejected: {BROKEN}",
    ]


def test_reject_lines_tell_all_where_nothing_else_does_and_of_few() -> None:
    assert len(replace(REPORT, rejects=tuple(SMALL)).reject_lines()) == 5
    few = replace(REPORT, rejects=tuple(SMALL[:4]), rejects_file="r.jsonl")
    assert few.reject_lines() == [f"rejected: {reject}" for reject in SMALL[:4]]


def test_usual_reason_is_the_most_frequent() -> None:
    assert usual_reason([BROKEN, *SMALL]) == f"{SMALL[0]} (and 4 more for this reason)"
    assert usual_reason([BROKEN, SMALL[0]]) == str(BROKEN)


def test_to_json_has_facts_rejects_and_parts_as_plain_values() -> None:
    fact = Fact("kernel", "a.png: sigma 2", {"sigma": 2.0})
    report = replace(REPORT, rejects=(BROKEN,), facts=(fact,), parts=(REPORT,))
    found = json.loads(json.dumps(report.to_json()))
    assert found["facts"] == [{"kind": "kernel", "words": "a.png: sigma 2", "sigma": 2.0}]
    assert found["rejects"][0]["path"] == "x.png" and found["exit_code"] == 3
    assert found["parts"][0]["done"] == 1 and report.lines == ("a.png: sigma 2",)


def test_write_report_replaces_reports_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(path, REPORT.to_json())
    write_report(path, replace(REPORT, done=2).to_json())
    assert json.loads(path.read_text())["done"] == 2
    for other in (b"my notes", b"[]", b'{"format": "other"}', b"[" * 100_000):
        path.write_bytes(other)
        with pytest.raises(DegradeError, match="was not made by this command"):
            write_report(path, REPORT.to_json())
        assert path.read_bytes() == other
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DegradeError, match="was not made by this command"):
        write_report(path, REPORT.to_json())
    with pytest.raises(DegradeError, match="cannot be written"):
        write_report(tmp_path / "nowhere" / "report.json", REPORT.to_json())


def test_write_report_writes_null_where_there_is_no_number(tmp_path: Path) -> None:
    fact = Fact("found", "nothing", {"auc": math.nan, "in": [1.0, math.inf, {"deep": math.nan}]})
    write_report(tmp_path / "r.json", replace(REPORT, facts=(fact,)).to_json())
    text = (tmp_path / "r.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["facts"][0]["in"] == [1.0, None, {"deep": None}]


def test_speaking_says_settings_in_other_words_where_people_read() -> None:
    reject = Reject("a.png", "too large", "raise `max_pixels`")
    report = replace(REPORT, rejects=(reject,), facts=(Fact("x", "see `max_pixels`"),))
    with speaking(lambda text: text.replace("`max_pixels`", "--max-pixels")):
        found = report.to_json()
        assert found["facts"][0]["words"] == "see --max-pixels"
        assert found["rejects"][0]["remedy"] == "raise --max-pixels"
        assert b"raise --max-pixels" in encode_rejects([reject])
    assert b"raise `max_pixels`" in encode_rejects([reject])
