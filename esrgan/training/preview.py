"""A picture of how a run is doing: LR, bicubic, SR and HR of a few fixed samples side by side."""

from __future__ import annotations

import numpy as np
import torch

from degrade.arrays import U8Array
from degrade.images.labels import labelled
from degrade.metrics import psnr
from degrade.resample import enlarge_u8
from esrgan.data import Samples, to_float
from esrgan.networks import Generator
from esrgan.training.noise_input import COLOURS, draw_noise

__all__ = ["draw_preview"]

_SAMPLES = 4
_NARROWEST = 128
"""Pixels that a label takes; smaller samples are shown larger."""


def draw_preview(generator: Generator, dataset: Samples) -> U8Array:
    """Draw up to four samples, one a row: LR by nearest neighbour, bicubic, SR, HR.

    Above bicubic and SR stands the PSNR on Y, without a border of ``scale`` pixels.

    Parameters
    ----------
    generator : Generator
        In evaluation mode.
    dataset : Samples
        The rows are samples of epoch 0, spread over it, so that pictures of a run compare.

    Returns
    -------
    (H, W, 3) uint8 array
    """
    indices = np.unique(np.linspace(0, len(dataset) - 1, _SAMPLES).astype(int)).tolist()
    lr_BHWC, hr_BHWC = dataset.read_batch([(0, i) for i in indices])
    with torch.inference_mode():
        lr_BCHW = to_float(lr_BHWC, generator.conv_first.weight.device)
        if generator.in_channels > COLOURS:
            noise_BCHW = draw_noise(lr_BCHW, generator.in_channels - COLOURS, 0, "preview")
            lr_BCHW = torch.cat([lr_BCHW, noise_BCHW], dim=1)
        sr_BCHW = (generator(lr_BCHW).clamp_(0, 1) * 255).round()
    sr_BHWC = sr_BCHW.to("cpu", torch.uint8).permute(0, 2, 3, 1)
    rows = zip(lr_BHWC.numpy(), sr_BHWC.numpy(), hr_BHWC.numpy(), strict=True)
    return np.concatenate([_row(*images, dataset.scale) for images in rows])


def _row(lr_u8: U8Array, sr_u8: U8Array, hr_u8: U8Array, scale: int) -> U8Array:
    nearest = lr_u8.repeat(scale, 0).repeat(scale, 1)
    bicubic = enlarge_u8(lr_u8, scale)
    labelled = {
        f"LR x{scale}": nearest,
        f"bicubic {_quality(bicubic, hr_u8, scale)}": bicubic,
        f"SR {_quality(sr_u8, hr_u8, scale)}": sr_u8,
        "HR": hr_u8,
    }
    factor = -(-_NARROWEST // hr_u8.shape[1])
    return np.concatenate([_tile(text, image, factor) for text, image in labelled.items()], axis=1)


def _quality(image: U8Array, reference: U8Array, scale: int) -> str:
    if min(reference.shape[:2]) <= 2 * scale:
        return ""
    return f"{min(psnr(image, reference, border=scale), 99.99):.2f} dB"


def _tile(text: str, image: U8Array, factor: int) -> U8Array:
    return labelled(image.repeat(factor, 0).repeat(factor, 1), text)
