from __future__ import annotations

import os
import subprocess
import sys

import pytest

from degrade.compiled.loading import SWITCH


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
