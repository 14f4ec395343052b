from __future__ import annotations

import pytest

from degrade.compiled import is_compiled


@pytest.fixture(autouse=True)
def _needs_compiled_code() -> None:
    if not is_compiled():
        pytest.skip("the compiled code was not built here (no C compiler), or is switched off")
