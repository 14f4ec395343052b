from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.errors import CorruptDataError
from degrade.pairs.stores.raw_pixels import read_image, read_window


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Return a file that holds an image after 37 other bytes, and the image."""
    image = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("raw") / "file"
    path.write_bytes(bytes(37) + image.tobytes())
    return path, image


@given(data=st.data())
def test_read_window_is_the_slice(stored: tuple[Path, np.ndarray], data: st.DataObject) -> None:
    path, image = stored
    top, left = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 16))
    height, width = data.draw(st.integers(1, 13 - top)), data.draw(st.integers(1, 17 - left))
    with path.open("rb") as file:
        window = read_window(file.fileno(), 37, (13, 17, 3), (top, left, height, width))
        expected = image[top : top + height, left : left + width]
        np.testing.assert_array_equal(window, expected, strict=True)
        window[:] = 0  # the caller's own
        np.testing.assert_array_equal(read_image(file.fileno(), 37, (13, 17, 3)), image)


@pytest.mark.parametrize("missing", [1, 100, 650, 700])
def test_read_image_refuses_a_file_that_ends_too_early(
    stored: tuple[Path, np.ndarray], tmp_path: Path, missing: int
) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(stored[0].read_bytes()[:-missing])
    with cut.open("rb") as file, pytest.raises(CorruptDataError, match=r"bytes 37…700 cannot be"):
        read_image(file.fileno(), 37, (13, 17, 3))
