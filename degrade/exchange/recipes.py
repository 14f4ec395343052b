"""What the option files of all trainers have in common: the data, and two phases of training.

``psnr`` trains RRDBNet, ESRGAN's generator, with L1 alone; ``gan`` fine-tunes the result.

References
----------
Wang et al., "ESRGAN", ECCVW 2018 (RRDB-PSNR); Ji et al., "Real-World Super-Resolution via Kernel
Estimation and Noise Injection", CVPRW 2020 (the GAN phase). They train on 128 HR pixels; here it
is the nearest size below that which the scale and the discriminators divide. A trainer without
RealSR's patch discriminator gets its nearest one. The names of options are those of the trainers'
published sources: BasicSR 1.4, Real-ESRGAN 0.3, KAIR, neosr and traiNNer-redux of 2024 to 2026.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from degrade.errors import InvalidValueError
from degrade.exchange.option_text import OptionTree

__all__ = [
    "BATCH",
    "BETAS",
    "DISCRIMINATOR_UNIT",
    "RATE",
    "TOTAL",
    "TRAINER_SCALES",
    "WORKERS",
    "TrainingPhase",
    "TrainingSet",
    "milestones",
    "patch_size",
    "text_of",
]

TrainingPhase: TypeAlias = Literal["psnr", "gan"]
"""``psnr`` comes first and ``gan`` goes on from its result."""

TRAINER_SCALES = (2, 3, 4)
"""What every trainer has a network for."""

DISCRIMINATOR_UNIT = 8
"""U-Net discriminators take multiples of it."""

BATCH = 16
WORKERS = 4
BETAS = [0.9, 0.99]
RATE: dict[TrainingPhase, float] = {"psnr": 2e-4, "gan": 1e-4}
TOTAL: dict[TrainingPhase, int] = {"psnr": 1_000_000, "gan": 60_000}
_STEPS: dict[TrainingPhase, list[int]] = {
    "psnr": [200_000, 400_000, 600_000, 800_000],
    "gan": [5_000, 10_000, 20_000, 30_000],
}
_USUAL_PATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """What option files say of an export.

    Attributes
    ----------
    name : str
        What the experiments are called.
    hr, lr : Path
        Absolute: folders of PNGs, or LMDB folders.
    scale : int
    patch : int
        HR side; see :func:`patch_size`.
    pair_list : Path or None
        Real-ESRGAN's list of pairs, whose paths are relative to its folder; None for LMDB.
    """

    name: str
    hr: Path
    lr: Path
    scale: int
    patch: int
    pair_list: Path | None = None


def patch_size(scale: int, shortest_side: int) -> int:
    """Return the HR patch to train with, when no HR image has a side below ``shortest_side``.

    LR patches are multiples of 4 and HR patches of 8, as pixel-unshuffle and U-Net discriminators
    need; images too small for that get the largest multiple of ``scale``.
    """
    unit = math.lcm(DISCRIMINATOR_UNIT, 4 * scale)
    largest = min(_USUAL_PATCH, shortest_side)
    return largest - largest % unit or shortest_side - shortest_side % scale


def milestones(phase: TrainingPhase) -> OptionTree:
    """Return when the learning rate is halved."""
    return {"milestones": _STEPS[phase], "gamma": 0.5}


def text_of(path: Path) -> str:
    """Return a path as option files hold it.

    Raises
    ------
    InvalidValueError
        It is no text that every trainer would read back.
    """
    text = str(path)
    if not text.isprintable():
        raise InvalidValueError(
            f"{text!r} cannot be named in an option file; export to a folder with a plain name"
        )
    return text
