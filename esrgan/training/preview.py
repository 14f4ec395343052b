"""A picture of how a run is doing: LR, SR and HR of a few fixed samples side by side."""

from __future__ import annotations

import numpy as np
import torch

from degrade.arrays import U8Array
from esrgan.data import PairDataset, to_float
from esrgan.networks import Generator

__all__ = ["draw_preview"]

_SAMPLES = 4


def draw_preview(generator: Generator, dataset: PairDataset) -> U8Array:
    """Draw up to four samples, one a row: LR by nearest neighbour, SR, HR.

    Parameters
    ----------
    generator : Generator
        In evaluation mode.
    dataset : PairDataset
        The rows are samples of epoch 0, spread over it, so that pictures of a run compare.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    indices = np.unique(np.linspace(0, len(dataset) - 1, _SAMPLES).astype(int)).tolist()
    lr_BHWC, hr_BHWC = dataset.read_batch([(0, i) for i in indices])
    with torch.inference_mode():
        lr_BCHW = to_float(lr_BHWC, generator.conv_first.weight.device)
        sr_BCHW = (generator(lr_BCHW).clamp_(0, 1) * 255).round()
    sr_BHWC = sr_BCHW.to("cpu", torch.uint8).permute(0, 2, 3, 1)
    larger_BHWC = lr_BHWC.repeat_interleave(dataset.scale, 1).repeat_interleave(dataset.scale, 2)
    rows_BHWC = torch.cat([larger_BHWC, sr_BHWC, hr_BHWC], dim=2)
    picture: U8Array = torch.cat(list(rows_BHWC)).numpy()
    return picture
