from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main, progress
from pipelines.cli.progress import showing_progress
from tests.pipelines.enlarged import photos, write_interpolator


def _clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let each look at the clock be so many seconds after the last one."""
    ticks = itertools.count(step=seconds)
    monkeypatch.setattr(progress, "monotonic", lambda: next(ticks))


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _clock(monkeypatch, 1.0)
    with showing_progress("train", "steps") as shown:
        for done in range(201):
            shown.note({"pixel": 0.03125})
            shown.advance(done, 200)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: 9 of 200 steps (4%), 3:32 left, pixel 0.0312"
    assert lines[1] == "train: 39 of 200 steps (20%), 2:45 left, pixel 0.0312"
    assert len(lines) == 7


def test_progress_of_a_run_that_goes_on_counts_what_this_one_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _clock(monkeypatch, 10.0)
    with showing_progress("upscale", "px") as shown:
        shown.advance(50_000_000, 100_000_000)
        shown.advance(60_000_000, 100_000_000)
    assert capsys.readouterr().err == "upscale: 60.0 of 100.0 Mpx (60%), 1:20 left\n"


def test_progress_of_a_long_run_comes_at_a_sensible_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _clock(monkeypatch, 10.0)
    with showing_progress("train", "steps") as shown:
        for done in range(30_000):
            shown.advance(done, 30_000)
    lines = capsys.readouterr().err.splitlines()
    assert 100 < len(lines) < 600
    assert ":00:00 left" not in lines[0] and lines[0].endswith(" left")


def test_a_command_through_a_pipe_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_FIRST_S", 0.0)
    weights = write_interpolator(tmp_path / "w.pth", scale=2)
    folder = photos(tmp_path, "a.png", "b.png")
    arguments = ["upscale", folder, "--weights", weights, "--out", tmp_path / "out"]
    options = ["--device", "cpu", "--tile", 16]
    result = CliRunner().invoke(main, [str(a) for a in (*arguments, *options)])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("upscale: 0.0 of 0.0 Mpx (")
    assert result.stderr.splitlines()[0].endswith(" left")


def test_rounds_stand_in_the_place_of_the_bar_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The summary tells them: on a terminal each was there twice."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with showing_progress("match", "photos") as shown:
        shown.advance(1, 1)
        shown.show("round 0: spectra 1.00 dB apart")
    written = capsys.readouterr().err
    assert "\n" not in written and "match: round 0: spectra 1.00 dB apart [" in written


def test_what_is_shown_before_anything_is_done_waits_as_all_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _clock(monkeypatch, 5.0)
    with showing_progress("match", "photos") as shown:
        shown.show("early")
        shown.advance(0, 9)
        for done in range(1, 9):
            shown.advance(done, 9)
    assert capsys.readouterr().err.startswith("match: 1 of 9 photos (11%)")


def test_rounds_are_lines_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _clock(monkeypatch, 5.0)
    with showing_progress("match", "photos") as shown:
        shown.advance(1, 1)
        for number in range(5):
            shown.show(f"round {number}")
    # The clock was looked at twice before the first of them.
    assert capsys.readouterr().err == "match: round 0\n"
