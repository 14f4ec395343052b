"""Measures of the package pyiqa, where a user has installed it: an adapter, and nothing of its own.

pyiqa is no dependency: it brings torchvision and some dozens of packages, fetches weights when a
measure is first used, and its licences (CC BY-NC-SA 4.0, NTU S-Lab 1.0) forbid commercial use.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError, MissingDependencyError, printable

__all__ = ["OutsideMeasure", "find_outside_measure"]

LICENCE = (
    "pyiqa's licences (CC BY-NC-SA 4.0 and NTU S-Lab 1.0) and those of its weights forbid "
    "commercial use"
)


@dataclass(frozen=True, slots=True, eq=False)
class OutsideMeasure:
    """One of pyiqa's measures, ready to be asked.

    Attributes
    ----------
    name : str
        As pyiqa calls it.
    of_reference : bool
        Whether it compares with HR.
    higher_is_better : bool
    """

    name: str
    of_reference: bool
    higher_is_better: bool
    _metric: Any

    def value(self, image_u8: U8Array, reference_u8: U8Array) -> float:
        """Return the figure of an image.

        Parameters
        ----------
        image_u8, reference_u8 : (H, W, 3) uint8 arrays

        Raises
        ------
        InvalidValueError
            pyiqa cannot measure it; the text is pyiqa's.
        """
        both = [_tensor(image) for image in (image_u8, reference_u8)]
        try:
            with torch.inference_mode():
                found = self._metric(*both) if self.of_reference else self._metric(both[0])
            return float(found)
        except Exception as error:
            text = " ".join(str(error).split())[:300]
            raise InvalidValueError(f"pyiqa's {self.name} cannot measure it: {text}") from error


def find_outside_measure(name: str, device: str = "cpu") -> OutsideMeasure:
    """Return a measure of pyiqa.

    Raises
    ------
    MissingDependencyError
        pyiqa is not installed.
    InvalidValueError
        It has no such measure, or cannot get its weights.
    """
    try:
        import pyiqa
    except ImportError as error:
        raise MissingDependencyError(
            f"pyiqa's measures need the package pyiqa: pip install pyiqa; {LICENCE}"
        ) from error
    if name not in pyiqa.list_models():
        raise InvalidValueError(f"pyiqa has no measure '{printable(name[:40])}'")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of its downloads
            metric = pyiqa.create_metric(name, device=torch.device(device))
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise InvalidValueError(f"pyiqa's {name} cannot be made ready: {text}") from error
    return OutsideMeasure(name, metric.metric_mode == "FR", not metric.lower_better, metric)


def _tensor(image_u8: U8Array) -> torch.Tensor:
    levels = np.ascontiguousarray(image_u8.transpose(2, 0, 1), np.float32) / np.float32(255)
    return torch.from_numpy(levels)[None]
