from __future__ import annotations

import numpy as np
import pytest

from degrade.images.orientation import upright
from degrade.jpeg.grid import count_votes, upright_grid
from degrade.jpeg.windows import choose_windows
from tests.degrade.jpeg.photos import make_photo, through_jpeg


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_grid_is_where_the_pixels_have_it(orientation: int) -> None:
    jpeg = through_jpeg(make_photo("upright", 197, 211), 70)
    seen = np.ascontiguousarray(upright(jpeg, orientation))
    votes = count_votes(choose_windows(seen))
    assert votes.is_grid and votes.is_plain
    assert votes.phase == upright_grid((seen.shape[0], seen.shape[1]), orientation)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (1, 7), (4, 4), (13, 22)])
def test_count_votes_finds_the_grid_of_crops(top: int, left: int) -> None:
    votes = count_votes(choose_windows(through_jpeg(make_photo("crop"), 95)[top:, left:]))
    assert votes.phase == (-top % 8, -left % 8) and votes.share > 0.5


def test_count_votes_of_photos_are_spread() -> None:
    for name in "abc":
        votes = count_votes(choose_windows(make_photo(name)))
        assert not votes.is_grid and votes.share < 0.06


def test_count_votes_leaves_clipped_cells_aside() -> None:
    photo = make_photo("clipped")
    photo[:, ::4] = 255
    assert len(count_votes(choose_windows(photo)).zeros) == 0
