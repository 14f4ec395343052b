"""How good a generator is on pairs that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError, printable
from degrade.geometry import border_of
from degrade.metrics import BEST_DB, psnr, ssim
from degrade.metrics.structure import SSIM_SIDE
from degrade.pairs import PairReader
from degrade.resample import enlarge_u8
from esrgan.devices import tile_memory
from esrgan.distributed import ALONE, World
from esrgan.networks import Generator
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler

__all__ = ["Scores", "check_held_out", "validate", "validate_bicubic"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the pairs: PSNR in dB and SSIM, on Y of BT.601, without a border of ``scale``."""

    psnr: float
    ssim: float


def check_held_out(reader: PairReader, scale: int) -> None:
    """Refuse pairs that a generator of this scale cannot be validated on, InvalidValueError."""
    where = printable(reader.folder)
    if reader.scale != scale:
        raise InvalidValueError(
            f"{where}: the pairs are ×{reader.scale}, those to train on ×{scale}"
        )
    smallest = min(min(record.hr_shape[:2]) for record in reader.records)
    if smallest < SSIM_SIDE + 2 * scale:
        raise InvalidValueError(
            f"{where}: pairs to validate on need {SSIM_SIDE + 2 * scale} HR pixels a side, got "
            f"one of {smallest}"
        )


def validate(
    generator: Generator, reader: PairReader, *, device: torch.device, world: World = ALONE
) -> Scores:
    """Upscale every LR, as ``degrade upscale`` does in float32, and compare with its HR.

    Parameters
    ----------
    generator : Generator
        Left in evaluation mode.
    reader : PairReader
        The whole LR of each pair is upscaled as it is on disk, without noise that was deferred to
        training, and rounded to 8 bits as a file would be.
    device : torch.device
    world : World
        Each process takes every ``size``-th pair; all return the same scores.

    Raises
    ------
    CorruptDataError
        A pair is damaged.
    """
    # These weights pass: what tiles must see around them is not kept on disk.
    tiler = Tiler(generator, memory=tile_memory(str(device), None), passing=True)
    upscaler = Upscaler(generator, tiler, device=str(device))
    return _mean_scores(reader, upscaler.enlarged, device, world)


def validate_bicubic(reader: PairReader, *, device: torch.device, world: World = ALONE) -> Scores:
    """Return what bicubic interpolation comes to; parameters and errors as :func:`validate`."""
    return _mean_scores(reader, lambda lr: enlarge_u8(lr, reader.scale), device, world)


def _mean_scores(
    reader: PairReader, enlarge: Callable[[U8Array], U8Array], device: torch.device, world: World
) -> Scores:
    sums = torch.zeros(3, dtype=torch.float64)
    for number in range(world.rank, len(reader), world.size):
        lr_u8, hr_u8 = reader.read(number)
        sr_u8 = enlarge(lr_u8)
        quality = psnr(sr_u8, hr_u8, border=border_of(reader.scale))
        similarity = ssim(sr_u8, hr_u8, border=border_of(reader.scale))
        sums += torch.tensor([min(quality, BEST_DB), similarity, 1.0], dtype=torch.float64)
    # The order of the sum does not depend on which process is how fast.
    total = torch.stack([each.cpu() for each in world.gather(sums.to(device))]).sum(0)
    mean_psnr, mean_ssim, _ = (total / total[2]).tolist()
    return Scores(mean_psnr, mean_ssim)
