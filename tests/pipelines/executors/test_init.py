"""Choosing an executor."""

from __future__ import annotations

import subprocess
import sys

import pytest

from degrade.errors import DegradeError, InvalidValueError
from pipelines.executors import (
    InProcessExecutor,
    ProcessExecutor,
    WorkerDiedError,
    available_cores,
    make_executor,
)


def test_make_executor_runs_one_job_in_this_process() -> None:
    assert isinstance(make_executor(1), InProcessExecutor)
    many = make_executor(3)
    assert isinstance(many, ProcessExecutor) and many.jobs == 3
    assert isinstance(make_executor(None), ProcessExecutor) == (available_cores() > 1)
    with pytest.raises(InvalidValueError, match="at least 1"):
        make_executor(0)
    with pytest.raises(InvalidValueError, match="is more than 16 processes for each"):
        make_executor(16 * available_cores() + 1)


def test_worker_died_error_is_a_degrade_error() -> None:
    assert issubclass(WorkerDiedError, DegradeError)


def test_executors_load_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.executors\n"
        "print(sorted({'distributed', 'asyncio', 'numpy', 'cv2', 'torch'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == "[]\n"
