from __future__ import annotations

import pytest
from click.testing import CliRunner

import degrade
from degrade.compiled import compiled_form
from degrade.compiled.loading import SWITCH
from pipelines.cli.commands import main


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
