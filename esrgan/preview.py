"""A picture of how a run is doing: LR, SR and HR of a few fixed samples side by side."""

from __future__ import annotations

import numpy as np
import torch

from degrade.arrays import U8Array
from esrgan.data import PairDataset
from esrgan.networks import RRDBNet

__all__ = ["draw_preview"]

_SAMPLES = 4


def draw_preview(generator: RRDBNet, dataset: PairDataset) -> U8Array:
    """Draw up to four samples, one a row: LR by nearest neighbour, SR, HR.

    Parameters
    ----------
    generator : RRDBNet
    dataset : PairDataset
        The rows are samples of epoch 0, spread over it, so that pictures of a run compare.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    indices = np.unique(np.linspace(0, len(dataset) - 1, _SAMPLES).astype(int)).tolist()
    samples = [dataset[0, i] for i in indices]
    lr_BCHW, hr_BCHW = (torch.stack(side) for side in zip(*samples, strict=True))
    device = generator.conv_first.weight.device
    with torch.inference_mode():
        sr_BCHW = generator(lr_BCHW.to(device).float() / 255).clamp_(0, 1)
    sr_u8_BCHW = (sr_BCHW * 255).round().to("cpu", torch.uint8)
    scale = dataset.scale
    larger_BCHW = lr_BCHW.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    row_BCHW = torch.cat([larger_BCHW, sr_u8_BCHW, hr_BCHW], dim=3)
    picture: U8Array = torch.cat(list(row_BCHW), dim=1).permute(1, 2, 0).contiguous().numpy()
    return picture
