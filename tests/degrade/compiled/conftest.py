from __future__ import annotations

from collections.abc import Iterator

import pytest

from degrade.compiled.loading import FORMS
from tests.compiled_forms import taking


@pytest.fixture(autouse=True, scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run each test with every form that this processor can run."""
    with taking(request.param):
        yield request.param
