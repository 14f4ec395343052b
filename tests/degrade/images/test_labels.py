from __future__ import annotations

import numpy as np
import pytest

from degrade.images.labels import LABEL_HEIGHT, labelled


@pytest.mark.parametrize("lines", [(), ("one",), ("one", "Größe ×4 of a very long name indeed")])
def test_labelled_puts_lines_above_the_picture(lines: tuple[str, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 90, 3), dtype=np.uint8)
    result = labelled(picture, *lines)
    head = LABEL_HEIGHT * len(lines)
    assert np.array_equal(result[head:], picture) and len(result) == head + 20
    for top in range(0, head, LABEL_HEIGHT):
        line = result[top : top + LABEL_HEIGHT]
        assert (line < 100).any() and (line == 255).mean() > 0.5


def test_labelled_takes_pictures_of_one_pixel() -> None:
    assert labelled(np.zeros((1, 1, 3), np.uint8), "text").shape == (LABEL_HEIGHT + 1, 1, 3)
