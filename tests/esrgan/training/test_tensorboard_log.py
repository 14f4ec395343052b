from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import MissingDependencyError
from esrgan.training.tensorboard_log import TensorBoardLog, require_tensorboard


def test_board_writes_curves_and_pictures(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with TensorBoardLog(tmp_path, 0) as board:
        board.add_losses(1, {"pixel": 0.5})
        board.add_losses(2, {"pixel": 0.25})
        board.add_picture(2, np.full((8, 8, 3), 127, np.uint8))
    # Gone on with from step 1: step 2 is done again.
    with TensorBoardLog(tmp_path, 1) as board:
        board.add_losses(2, {"pixel": 0.75})
    events = reading.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss/pixel")] == [(1, 0.5), (2, 0.75)]


def test_a_missing_tensorboard_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'degrade\[train\]'"):
        require_tensorboard()
