"""Curves and pictures of a run for TensorBoard, which is optional."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from degrade.arrays import U8Array
from degrade.errors import MissingDependencyError

__all__ = ["TensorBoardLog", "require_tensorboard"]


def require_tensorboard() -> None:
    """Raise MissingDependencyError unless TensorBoard is installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "`tensorboard` needs TensorBoard: pip install 'degrade[train]'"
        ) from None


class TensorBoardLog:
    """Writes events; a context manager.

    Parameters
    ----------
    folder : Path
    step : int
        Where the run goes on: what an interrupted one has written of later steps is hidden.
    """

    def __init__(self, folder: Path, step: int) -> None:
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def __enter__(self) -> TensorBoardLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def add_losses(self, step: int, values: Mapping[str, float], *, group: str = "loss") -> None:
        """Add a point to each curve."""
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)

    def add_picture(self, step: int, picture: U8Array) -> None:
        """Add LR, bicubic, SR and HR side by side."""
        self._writer.add_image("LR, bicubic, SR, HR", picture, step, dataformats="HWC")
