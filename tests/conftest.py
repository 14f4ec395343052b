"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# No deadlines: a busy machine is no bug. In CI the same examples every time; elsewhere new ones.
_patient = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("quiet", _patient)
hypothesis.settings.register_profile("ci", _patient, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "quiet")

# A shell's background jobs ignore Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos, kernels and odd files beside the checkout; tests that need them skip without."""
    if not (_SHARED / "data" / "MANIFEST.csv").is_file():
        pytest.skip("the research material (../shared/data) is not here")
    return _SHARED / "data"


@pytest.fixture(scope="session", autouse=True)
def own_user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes what the user's own commands remember."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEGRADE_CACHE", str(tmp_path_factory.mktemp("user_cache")))
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)
