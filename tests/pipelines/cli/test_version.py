from __future__ import annotations

import pytest
from click.testing import CliRunner

import degrade
from degrade.compiled import compiled_form
from degrade.compiled.loading import SWITCH
from pipelines.cli.commands import main


@pytest.mark.parametrize("words", [["--version"], ["verify", "pairs"]])
def test_an_unknown_form_is_refused_in_a_line(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "off")
    compiled_form.cache_clear()
    try:
        told = CliRunner().invoke(main, words)
    finally:
        monkeypatch.undo()
        compiled_form.cache_clear()
    assert told.exit_code == 1 and told.output.count("\n") == 1
    assert "DEGRADE_COMPILED must be one of 0, plain" in told.output and "'off'" in told.output


@pytest.mark.parametrize("switch", ["1", "plain", "0"])
def test_version_names_the_compiled_form(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, switch)
    compiled_form.cache_clear()
    try:
        told = CliRunner().invoke(main, ["--version"])
        form = compiled_form() or "none"
    finally:
        monkeypatch.undo()
        compiled_form.cache_clear()
    assert told.output == f"degrade {degrade.__version__}, compiled code: {form}\n"
    assert switch == "1" or form in (switch, "none")
