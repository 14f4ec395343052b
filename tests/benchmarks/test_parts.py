from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parts import run_main
from degrade.errors import DegradeError


def test_absent_data_end_a_benchmark_in_one_line(tmp_path: Path) -> None:
    def lacks() -> None:
        (tmp_path / "pairs").read_bytes()

    def refuses() -> None:
        raise DegradeError("no photo can be used")

    with pytest.raises(SystemExit, match="pairs"):
        run_main(lacks)
    with pytest.raises(SystemExit, match="no photo can be used"):
        run_main(refuses)


def test_a_bug_is_not_hidden() -> None:
    def errs() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_main(errs)
