"""``degrade study results``, and the page of a study."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.opinions import DECOY, TRUE, plan_trials
from degrade.studies import Votes, read_definition
from pipelines.cli import main


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def fill(study: Path, raters: int, *, blind: tuple[int, ...] = ()) -> None:
    """Let raters vote who like what is soft, and some who do not look.

    They fail both checks of scores.
    """
    definition = read_definition(study)
    rng = np.random.default_rng(7)
    worth = {DECOY: 1.0, TRUE: 4.5, 0: 4.0, 1: 2.5, 2: 4.8}
    with Votes(study / "votes.db") as votes:
        for rater in range(raters):
            trials = plan_trials(definition.design, rater)
            votes.begin(f"secret {rater}", lambda _, trials=trials: trials, most=99)  # type: ignore[misc]
            for number, trial in enumerate(trials, 1):
                value = worth[trial.first] + rng.normal(0, 0.5)
                answers = [int(np.clip(np.rint(value), 1, 5))]
                if definition.kind == "pairs":
                    lead = value - worth[trial.second]
                    answers = [1 if lead > 0.2 else 2 if lead < -0.2 else 0] * 2
                if rater in blind:  # always the left; or high what was low before
                    answers = [1] * len(answers)
                    if definition.kind == "mos" and trial.role != "vote":
                        answers = [5]
                given = dict(enumerate(answers))
                votes.vote(rater, number, given, key=f"key {number}", seconds=2.5)


def facts(path: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for fact in json.loads(path.read_text())["facts"]:
        found.setdefault(fact["kind"], []).append(fact)
    return found


def test_results_tell_scores_with_intervals(mos: Path, tmp_path: Path) -> None:
    fill(mos, 10)
    found = run("--report", tmp_path / "r.json", "study", "results", mos)
    assert found.exit_code == 0, found.output
    told = facts(tmp_path / "r.json")
    assert [fact["method"] for fact in told["score"]] == ["reference", "soft", "noisy"]
    for fact, truth in zip(told["score"], (4.7, 4.0, 2.5), strict=True):
        low, high = fact["interval"]  # type: ignore[misc]
        assert low < fact["value"] < high and abs(fact["value"] - truth) < 0.3  # type: ignore[operator]
    assert "reference over noisy: 2." in found.output and "failing" not in told
    assert len(told["rater"]) == 10


def test_results_tell_preferences_by_question(pairs: Path) -> None:
    fill(pairs, 9)
    found = run("study", "results", pairs)
    assert found.exit_code == 0, found.output
    assert found.output.count("soft is preferred to noisy by ") == 2
    assert "Which has fewer artefacts?" in found.output and "9 raters" not in found.output


def test_results_name_failing_raters_and_drop_them(mos: Path, tmp_path: Path) -> None:
    fill(mos, 9, blind=(2,))
    told = run("study", "results", mos)
    assert "--drop-failing leaves them out: 3" in told.output
    dropped = run("--report", tmp_path / "r.json", "study", "results", mos, "--drop-failing")
    assert "are left out: 3" in dropped.output
    assert sum(sum(f["counts"]) for f in facts(tmp_path / "r.json")["score"]) == 8 * 18  # type: ignore[arg-type]


def test_results_write_every_vote_as_csv(pairs: Path, tmp_path: Path) -> None:
    fill(pairs, 3)
    table = tmp_path / "out" / "votes.csv"
    assert run("study", "results", pairs, "--csv", table).exit_code == 0
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 3 * (6 + 2) * 2
    assert {row["role"] for row in rows} == {"vote", "obvious", "repeat"}
    assert {row["first"] for row in rows} == {"soft", "noisy", "decoy", "true"}
    assert {row["answer"] for row in rows} <= {"first", "second", "equal"}
    assert run("study", "results", pairs, "--csv", table).exit_code == 0, "its own is replaced"
    table.write_text("mine")
    assert run("study", "results", pairs, "--csv", table).exit_code == 1
    assert table.read_text() == "mine"


def test_results_draw_a_sheet(mos: Path, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for study in (mos, pairs):
        fill(study, 4, blind=(1,))
        sheet = tmp_path / f"{study.name}.png"
        assert run("study", "results", study, "--sheet", sheet).exit_code == 0
        assert sheet.read_bytes().startswith(b"\x89PNG")


def test_results_without_votes_say_so(mos: Path) -> None:
    found = run("study", "results", mos)
    assert found.exit_code == 1 and "nobody has voted yet" in found.output
    assert not (mos / "votes.db").exists()


def test_results_of_few_raters_warn(mos: Path) -> None:
    fill(mos, 2)
    assert "2 raters: too few to rely on intervals" in run("study", "results", mos).output


def test_results_of_all_failing_raters_tell_nothing(mos: Path) -> None:
    fill(mos, 1)
    with Votes(mos / "votes.db") as votes:
        for number, trial in enumerate(votes.trials(0), 1):
            score = 5 if trial.role != "vote" else 1
            votes.vote(0, number, {0: score}, key=f"again {number}", seconds=1)
    found = run("study", "results", mos, "--drop-failing")
    assert found.exit_code == 1 and "every rater has failed" in found.output


def test_report_makes_a_page_of_a_study(mos: Path, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    fill(mos, 6, blind=(4,))
    found = run("report", mos, pairs, "-o", page)
    assert found.exit_code == 0, found.output
    text = page.read_text()
    assert "How good is this image?" in text and "failed checks of attention" in text
    assert "3 methods of 6 images: 108 votes by 6 raters" in text
    assert "2 methods of 6 images: 0 votes by 0 raters" in text
    assert "soft − noisy" in text
