"""What lies where in a photo, by a segmentation network in ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.disk.files import read_file
from degrade.errors import InputError, MissingDependencyError, line_of

__all__ = ["Segmenter"]

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_LONGEST, _MULTIPLE = 1024, 32
"""A network of any size is given images of at most so many pixels a side, a multiple of these."""


class Segmenter:
    """A network that gives each pixel the number of a class.

    It takes one (1, 3, H, W) float32 image: RGB less ImageNet's mean, over its spread, as most do.
    It gives the scores of its classes, (1, classes, h, w), or their numbers, (1, h, w) or
    (1, 1, h, w).

    Parameters
    ----------
    path : Path
        An ONNX file.

    Raises
    ------
    MissingDependencyError
        onnxruntime is not installed.
    InputError
        The file is no such network.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime  # type: ignore[import-untyped]
        except ImportError:
            raise MissingDependencyError(
                "a segmenter needs onnxruntime: pip install 'degrade[onnx]'"
            ) from None
        self._path = path
        data = read_file(path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # whatever the library raises: its kinds are not documented
            raise InputError(path, f"no network that can be run ({line_of(str(error))})") from None
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        # A side that may be any is named, not numbered.
        if len(inputs) != 1 or len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
            raise InputError(
                path,
                f"takes {[each.shape for each in inputs]}",
                "give a network that takes one (1, 3, H, W) image",
            )
        self._input = inputs[0]

    def labels(self, rgb_u8: U8Array) -> AnyArray:
        """Return the number of each pixel's class: (H, W) uint8 or uint16 array.

        Raises
        ------
        InputError
            The network fails on the image, or gives something else.
        """
        height, width = rgb_u8.shape[:2]
        image = cv2.resize(rgb_u8, self._size(height, width), interpolation=cv2.INTER_AREA)
        values = (image.astype(np.float32) / 255 - _MEAN) / _SPREAD
        fed = np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
        try:
            found = np.asarray(self._session.run(None, {self._input.name: fed})[0])
        except Exception as error:  # as above
            raise InputError(self._path, f"fails on an image ({line_of(str(error))})") from None
        if found.ndim == 4 and found.shape[1] > 1:
            found = found.argmax(axis=1)
        if found.ndim > 2 and found.size == np.prod(found.shape[-2:]):
            found = found.reshape(found.shape[-2:])
        if found.ndim != 2 or found.min() < 0 or found.max() > np.iinfo(np.uint16).max:
            raise InputError(
                self._path,
                f"gives an array of {found.shape}",
                "give a network of scores (1, classes, h, w) or of numbers (1, h, w)",
            )
        numbers = found.astype(np.uint16)
        return np.asarray(cv2.resize(numbers, (width, height), interpolation=cv2.INTER_NEAREST))

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Return the width and height that the network is given."""
        fixed = self._input.shape[2:]
        if all(isinstance(side, int) for side in fixed):
            return fixed[1], fixed[0]
        shrink = min(1.0, _LONGEST / max(height, width))
        sides = [max(round(side * shrink / _MULTIPLE), 1) * _MULTIPLE for side in (width, height)]
        return sides[0], sides[1]
