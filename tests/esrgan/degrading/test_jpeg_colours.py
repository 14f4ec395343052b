from __future__ import annotations

import torch

from esrgan.degrading.jpeg_colours import fewer_samples, more_samples, to_luma, to_rgb


def test_to_luma_of_greys_is_the_grey_and_no_colour() -> None:
    greys = torch.arange(256, dtype=torch.int32)[None, None, :, None].expand(1, 1, 256, 3)
    luma, bluish, reddish = to_luma(greys)
    assert torch.equal(luma, greys[..., 0])
    assert (bluish == 128).all() and (reddish == 128).all()
    assert torch.equal(to_rgb(luma, bluish, reddish), greys)


def test_to_rgb_brings_colours_back_within_two_levels() -> None:
    levels = torch.arange(0, 256, 15, dtype=torch.int32)
    cube = torch.cartesian_prod(levels, levels, levels)[None, None]
    assert (to_rgb(*to_luma(cube)) - cube).abs().max() <= 2


def test_fewer_samples_rounds_halves_in_turns() -> None:
    rows = torch.tensor([[[0, 1] * 8, [0, 0] * 8]], dtype=torch.int32)
    assert fewer_samples(rows[:, :1], (1, 2))[0, 0, :4].tolist() == [0, 1, 0, 1]
    two = torch.tensor([[[1, 1] * 8, [0, 0] * 8]], dtype=torch.int32)
    assert fewer_samples(two, (2, 2))[0, 0, :4].tolist() == [0, 1, 0, 1]


def test_more_samples_takes_a_quarter_of_the_next_one() -> None:
    samples = torch.tensor([[[0, 40, 80]]], dtype=torch.int32)
    assert more_samples(samples, (1, 2), (1, 6)).tolist() == [[[0, 10, 30, 50, 70, 80]]]
    # Of two samples or less each is repeated.
    assert more_samples(samples[..., :2], (2, 2), (2, 3)).tolist() == [[[0, 0, 40], [0, 0, 40]]]
