"""Pictures with a line of text above them, drawn without any drawing library."""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import U8Array

__all__ = ["LABEL_HEIGHT", "labelled"]

LABEL_HEIGHT = 18
"""Pixels of one line."""

_LETTER_WIDTH = 7
"""Pixels of a letter, about."""


def labelled(picture: U8Array, *lines: str) -> U8Array:
    """Put lines of black text on white above a picture.

    Parameters
    ----------
    picture : (H, W, 3) uint8 array
    *lines : str
        Cut where the picture ends; letters that are no ASCII become ``?``.

    Returns
    -------
    (H + 18 a line, W, 3) uint8 array
    """
    width = picture.shape[1]
    head = np.full((LABEL_HEIGHT * len(lines), width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        most = max(width // _LETTER_WIDTH, 1)
        text = line.encode("ascii", "replace").decode()
        text = text if len(text) <= most else f"{text[: max(most - 2, 1)]}.."
        place = (3, LABEL_HEIGHT * (number + 1) - 5)
        cv2.putText(head, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([head, picture])
