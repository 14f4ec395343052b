from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from degrade.errors import DegradeError
from esrgan.training.step_log import StepLog


def test_a_loss_without_a_value_is_logged_as_null(tmp_path: Path) -> None:
    with StepLog(tmp_path / "log.jsonl") as log:
        log.append(1, {"pixel": math.nan, "generator": math.inf, "adversarial": 0.5})
        (line,) = (tmp_path / "log.jsonl").read_text().splitlines()  # before it is closed
    assert json.loads(line) == {"step": 1, "pixel": None, "generator": None, "adversarial": 0.5}


def test_forget_after_drops_later_and_torn_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    StepLog(path).forget_after(3)
    assert not path.exists()
    with StepLog(path) as log:
        for step in range(1, 6):
            log.append(step, {"pixel": 0.1})
    path.write_bytes(path.read_bytes() + b'{"step": 6, "pix')
    StepLog(path).forget_after(3)
    with StepLog(path) as log:
        log.append(4, {"pixel": 0.2})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(DegradeError, match=r"missing/log\.jsonl: cannot be written"),
        StepLog(tmp_path / "missing" / "log.jsonl"),
    ):
        pass
