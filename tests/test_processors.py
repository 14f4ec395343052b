"""``python -m tests.processors`` runs real tests under a setting, and says how that ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import processors


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Add a setting that no library knows, and let one small file be all numeric tests."""
    monkeypatch.setitem(processors.SETTINGS, "toy", {"TOY_SETTING": "1"})
    test = tmp_path / "test_toy.py"
    monkeypatch.setattr(processors, "NUMERIC", (str(test),))
    test.write_text("import os\n\ndef test_toy():\n    assert os.environ['TOY_SETTING'] == '1'\n")
    return "toy"


def test_numeric_tests_and_settings_are_there() -> None:
    named = {*processors.NUMERIC, *processors.OF_COMPILED}
    assert [name for name in named if not (processors.ROOT / name).exists()] == []
    assert set(processors.TESTS) <= set(processors.SETTINGS)
    assert all(processors.SETTINGS.values())
    assert all(type(value) is str for row in processors.SETTINGS.values() for value in row.values())


@pytest.mark.slow
def test_run_sets_the_variables_and_tells_a_pass_from_a_failure(toy: str) -> None:
    assert processors.run(toy, None).startswith("passed after ")
    processors.SETTINGS[toy]["TOY_SETTING"] = "2"
    assert processors.run(toy, None).startswith("FAILED after ")


def test_run_skips_what_changes_nothing(toy: str) -> None:
    assert processors.run(toy, processors.look({})) == "skipped: it changes nothing here"


def test_main_refuses_an_unknown_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        processors.main(["pentium"])
    assert caught.value.code == 2 and "no setting 'pentium'; known are" in capsys.readouterr().err
