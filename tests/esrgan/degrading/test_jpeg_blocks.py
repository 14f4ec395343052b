from __future__ import annotations

import numpy as np
import torch
from scipy import fft

from degrade.rng import rng_for
from esrgan.degrading.jpeg_blocks import replicate, through_blocks


def test_through_blocks_is_a_quantised_cosine_transform() -> None:
    """Against the textbook's transform; integers and their roundings cost a level at most."""
    plane = rng_for(0, "plane").integers(0, 256, (1, 16, 24))
    steps = np.arange(1, 65).reshape(8, 8) * 3.0
    found = through_blocks(torch.from_numpy(plane), torch.from_numpy(steps)[None]).numpy()[0]
    wanted = np.empty((16, 24))
    for top, left in np.ndindex(2, 3):
        part = slice(8 * top, 8 * top + 8), slice(8 * left, 8 * left + 8)
        kept = np.rint(fft.dctn(plane[0][part] - 128.0, norm="ortho") / steps) * steps
        wanted[part] = fft.idctn(kept, norm="ortho") + 128
    apart = np.abs(found - np.clip(np.rint(wanted), 0, 255))
    # A coefficient that lies at a half may be rounded the other way: that moves its whole block.
    assert np.median(apart) == 0 and (apart > 1).mean() < 0.05


def test_through_blocks_keeps_a_flat_plane() -> None:
    plane = torch.full((2, 5, 9), 77)
    steps = torch.ones(2, 8, 8, dtype=torch.float64)
    assert torch.equal(through_blocks(plane, steps), plane.int())


def test_replicate_repeats_the_edges() -> None:
    plane = torch.tensor([[[1, 2], [3, 4]]])
    assert replicate(plane.double(), top=1, right=2).tolist() == [
        [[1, 2, 2, 2], [1, 2, 2, 2], [3, 4, 4, 4]]
    ]
