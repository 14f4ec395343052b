"""What ``import pipelines`` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pipelines


@pytest.mark.parametrize("name", pipelines.__all__)
def test_pipelines_offers_what_it_lists(name: str) -> None:
    assert getattr(pipelines, name).__name__ == name


def test_pipelines_says_what_it_has_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pipelines.nothing  # type: ignore[attr-defined]


def test_import_of_pipelines_loads_no_job() -> None:
    code = "import sys, pipelines; print([n for n in sys.modules if n.startswith('pipelines.')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
