"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

_SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos, kernels and odd files beside the checkout; tests that need them skip without."""
    if not (_SHARED / "data" / "MANIFEST.csv").is_file():
        pytest.skip("the research material (../shared/data) is not here")
    return _SHARED / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)
