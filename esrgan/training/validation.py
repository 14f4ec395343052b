"""How good a generator is on pairs that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import torch

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError, printable
from degrade.geometry import border_of
from degrade.metrics import BEST_DB, gmsd, ms_ssim, psnr, psnr_rgb, ssim, ssim_rgb
from degrade.metrics.gradients import GMSD_SIDE
from degrade.metrics.measures import MEASURES
from degrade.metrics.structure import MS_SSIM_SIDE, SSIM_SIDE
from degrade.pairs import PairReader
from degrade.resample import enlarge_u8
from esrgan.devices import tile_memory
from esrgan.distributed import ALONE, World
from esrgan.networks import Generator
from esrgan.perceptual import LEAST_SIDE, Perceptual
from esrgan.training.best_by import BEST_BY
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler

__all__ = [
    "PairValidation",
    "Scores",
    "Validation",
    "check_held_out",
    "validate",
    "validate_bicubic",
]

Compare: TypeAlias = Callable[[U8Array, U8Array], float]

_OF_PAIRS: Final[dict[str, tuple[Callable[..., float], int]]] = {
    "psnr": (psnr, SSIM_SIDE),
    "ssim": (ssim, SSIM_SIDE),
    "psnr_rgb": (psnr_rgb, SSIM_SIDE),
    "ssim_rgb": (ssim_rgb, SSIM_SIDE),
    "ms_ssim": (ms_ssim, MS_SSIM_SIDE),
    "gmsd": (gmsd, GMSD_SIDE),
}
"""Measures by name, and the pixels a side that they need inside the border."""

_ALWAYS = ("psnr", "ssim")


@dataclass(frozen=True, slots=True)
class Scores:
    """What a validation found.

    Attributes
    ----------
    values : mapping of str to float
        As they are logged.
    score : float
        More is better: by it the best checkpoint is chosen.
    words : str
        For people.
    """

    values: Mapping[str, float]
    score: float
    words: str


class Validation(Protocol):
    """Something that a generator is held against while it is trained.

    Attributes
    ----------
    best_by : str
        What :attr:`Scores.score` is; scores of another name do not compare.
    """

    best_by: str

    def scores(self, generator: Generator) -> Scores:
        """Return how good a generator is; it is in evaluation mode, and stays so."""


class PairValidation:
    """Validation on pairs: PSNR and SSIM, what decides, and the same of bicubic interpolation.

    Parameters
    ----------
    reader : PairReader
    device : torch.device
    world : World
    best_by : str
        Of :data:`esrgan.training.best_by.BEST_BY`.
    learned : Perceptual or None
        The measure itself, where that is "lpips" or "dists".

    Raises
    ------
    InvalidValueError
        ``best_by`` is unknown, lacks its weights, or a pair is too small for it.
    """

    def __init__(
        self,
        reader: PairReader,
        *,
        device: torch.device,
        world: World = ALONE,
        best_by: str = "psnr",
        learned: Perceptual | None = None,
    ) -> None:
        if best_by not in BEST_BY:
            raise InvalidValueError(
                f"the best checkpoint is chosen by one of {', '.join(BEST_BY)}, got {best_by!r}"
            )
        self.best_by: str = best_by
        self._reader, self._device, self._world = reader, device, world
        self._measures: dict[str, Compare] = {
            name: _comparing(name, reader)
            for name in dict.fromkeys((*_ALWAYS, best_by))
            if name in _OF_PAIRS
        }
        least = _OF_PAIRS[best_by][1] if best_by in _OF_PAIRS else LEAST_SIDE
        _require_sides(reader, least, best_by)
        if best_by not in _OF_PAIRS:
            if learned is None or learned.kind != best_by:
                raise InvalidValueError(f"`{best_by}` needs the files of its weights")
            self._measures[best_by] = lambda sr, hr: learned.distance(sr, hr) or 0.0
        self._bicubic: Mapping[str, float] | None = None

    def scores(self, generator: Generator) -> Scores:
        """See the base; every LR is enlarged as ``degrade upscale`` does in float32."""
        where: dict[str, Any] = {
            "device": self._device,
            "world": self._world,
            "measures": self._measures,
        }
        found = validate(generator, self._reader, **where)
        if self._bicubic is None:
            self._bicubic = validate_bicubic(self._reader, **where)
        border = border_of(self._reader.scale)
        words = f"{_shown(found)}; bicubic: {_shown(self._bicubic)}"
        beside = {f"bicubic_{name}": value for name, value in self._bicubic.items()}
        better = 1.0 if MEASURES[self.best_by].higher_is_better else -1.0
        return Scores(
            {**found, **beside},
            better * found[self.best_by],
            f"{words} (on Y, without {border} border pixels)",
        )


def _shown(values: Mapping[str, float]) -> str:
    parts = []
    for name, value in values.items():
        row = MEASURES[name]
        label = row.label.removesuffix(", Y")
        parts.append(f"{label} {value:.{row.digits}f}{f' {row.unit}' if row.unit else ''}")
    return ", ".join(parts)


def _comparing(name: str, reader: PairReader) -> Compare:
    measure, border = _OF_PAIRS[name][0], border_of(reader.scale)
    # Of equal images PSNR is infinite, and so would be its mean.
    return lambda sr, hr: min(measure(sr, hr, border=border), BEST_DB)


def check_held_out(reader: PairReader, scale: int) -> None:
    """Refuse pairs that a generator of this scale cannot be validated on, InvalidValueError."""
    where = printable(reader.folder)
    if reader.scale != scale:
        raise InvalidValueError(
            f"{where}: the pairs are ×{reader.scale}, those to train on ×{scale}"
        )
    _require_sides(reader, SSIM_SIDE, "")


def _require_sides(reader: PairReader, least: int, measure: str) -> None:
    smallest = min(min(record.hr_shape[:2]) for record in reader.records)
    needed = least + 2 * border_of(reader.scale)
    if smallest < needed:
        by = f" by {measure}" if measure else ""
        raise InvalidValueError(
            f"{printable(reader.folder)}: pairs to validate on{by} need {needed} HR pixels a side, "
            f"got one of {smallest}"
        )


def validate(
    generator: Generator,
    reader: PairReader,
    *,
    device: torch.device,
    world: World = ALONE,
    measures: Mapping[str, Compare] | None = None,
) -> dict[str, float]:
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
    measures : mapping of str to callable or None
        What two images are compared by; None: PSNR in dB and SSIM, on Y of BT.601, without a
        border of ``scale``.

    Returns
    -------
    dict of str to float
        Means over the pairs.

    Raises
    ------
    CorruptDataError
        A pair is damaged.
    """
    # These weights pass: what tiles must see around them is not kept on disk.
    tiler = Tiler(generator, memory=tile_memory(str(device), None), passing=True)
    upscaler = Upscaler(generator, tiler, device=str(device))
    return _means(reader, upscaler.enlarged, device, world, measures)


def validate_bicubic(
    reader: PairReader,
    *,
    device: torch.device,
    world: World = ALONE,
    measures: Mapping[str, Compare] | None = None,
) -> dict[str, float]:
    """Return what bicubic interpolation comes to; parameters and errors as :func:`validate`."""
    return _means(reader, lambda lr: enlarge_u8(lr, reader.scale), device, world, measures)


def _means(
    reader: PairReader,
    enlarge: Callable[[U8Array], U8Array],
    device: torch.device,
    world: World,
    measures: Mapping[str, Compare] | None,
) -> dict[str, float]:
    measures = measures or {name: _comparing(name, reader) for name in _ALWAYS}
    sums = torch.zeros(len(measures) + 1, dtype=torch.float64)
    for number in range(world.rank, len(reader), world.size):
        lr_u8, hr_u8 = reader.read(number)
        sr_u8 = enlarge(lr_u8)
        found: Sequence[float] = [compare(sr_u8, hr_u8) for compare in measures.values()]
        sums += torch.tensor([*found, 1.0], dtype=torch.float64)
    # The order of the sum does not depend on which process is how fast.
    total = torch.stack([each.cpu() for each in world.gather(sums.to(device))]).sum(0)
    return dict(zip(measures, (total / total[-1]).tolist(), strict=False))
