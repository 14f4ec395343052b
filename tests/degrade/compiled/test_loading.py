from __future__ import annotations

import os
import subprocess
import sys

import pytest

from degrade.compiled import loading
from degrade.compiled.loading import SWITCH, compiled_code


@pytest.mark.parametrize(("switch", "used"), [("0", "False"), ("1", "True")])
def test_is_compiled_heeds_its_switch(switch: str, used: str) -> None:
    code = "from degrade.compiled import is_compiled; print(is_compiled())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {SWITCH: switch},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == used


def test_code_of_another_version_counts_as_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_INTERFACE", loading._INTERFACE + 1)
    compiled_code.cache_clear()
    try:
        assert compiled_code() is None
    finally:
        compiled_code.cache_clear()
