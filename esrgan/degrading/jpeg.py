"""Many small images through JPEG at once: what encoding and decoding leaves of them, and no file.

Entropy coding loses nothing, so it is left out. The rest is what libjpeg-turbo does by default, to
the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from degrade.degradation.steps import Jpeg
from degrade.jpeg.compression import compressible_chroma
from degrade.jpeg.tables import JpegSettings
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.jpeg_blocks import SIDE, through_blocks
from esrgan.degrading.jpeg_colours import SPANS, fewer_samples, more_samples, to_luma, to_rgb
from esrgan.degrading.rounding import whole_levels

__all__ = ["jpeg", "recompressed"]


def jpeg(levels_BHWC: Tensor, steps: Sequence[Jpeg], given: BatchInputs) -> Tensor:
    """Compress each sample as its :class:`~degrade.degradation.steps.Jpeg` does."""
    whole_BHWC = whole_levels(levels_BHWC)
    made_BHWC = torch.empty_like(whole_BHWC)
    for turned in (False, True):
        rows = [n for n, step in enumerate(steps) if step.turned == turned]
        if rows:
            seen = whole_BHWC[rows].transpose(1, 2) if turned else whole_BHWC[rows]
            found = recompressed(seen, [steps[n].tables for n in rows]).float()
            made_BHWC[rows] = found.transpose(1, 2) if turned else found
    return made_BHWC


def recompressed(rgb_BHWC: Tensor, settings: Sequence[JpegSettings]) -> Tensor:
    """Return what is left of images after compression.

    Parameters
    ----------
    rgb_BHWC : (B, H, W, 3) tensor
        Whole levels, 0…255.
    settings : sequence of B JpegSettings
        As :func:`degrade.jpeg.compression.compress_jpeg` takes them.

    Returns
    -------
    (B, H, W, 3) int32 tensor
        Equal to :func:`degrade.jpeg.compression.recompressed`, image by image.

    Raises
    ------
    InvalidValueError
        As :func:`degrade.jpeg.compression.compress_jpeg`.
    """
    chromas = [compressible_chroma(each) for each in settings]
    device = rgb_BHWC.device
    decoded = torch.empty(rgb_BHWC.shape, dtype=torch.int32, device=device)
    for subsampling, span in SPANS.items():
        rows = [n for n, each in enumerate(settings) if each.subsampling == subsampling]
        if rows:
            luma = _tables([settings[n].luma for n in rows], device)
            chroma = _tables([chromas[n] for n in rows], device)
            decoded[rows] = _recompressed(rgb_BHWC[rows].to(torch.int32), luma, chroma, span)
    return decoded


def _tables(tables: Sequence[tuple[int, ...]], device: torch.device) -> Tensor:
    steps = torch.tensor(tables, dtype=torch.float64)
    return steps.reshape(-1, SIDE, SIDE).to(device)


def _recompressed(
    rgb_BHWC: Tensor, luma_B88: Tensor, chroma_B88: Tensor, span: tuple[int, int]
) -> Tensor:
    """Compress images of one subsampling."""
    count, height, width = rgb_BHWC.shape[:3]
    luma, *differences = to_luma(rgb_BHWC)
    luma = through_blocks(luma, luma_B88)
    fewer = fewer_samples(torch.cat(differences), span)
    chroma = more_samples(through_blocks(fewer, chroma_B88.repeat(2, 1, 1)), span, (height, width))
    return to_rgb(luma, chroma[:count], chroma[count:])
