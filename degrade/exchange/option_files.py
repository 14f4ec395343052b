"""The option files that come with each format: a row a trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from degrade.exchange.basicsr_options import basicsr_options, realesrgan_options
from degrade.exchange.formats import EXPORT_FORMATS
from degrade.exchange.kair_options import kair_options
from degrade.exchange.neosr_options import neosr_options
from degrade.exchange.option_text import OptionTree, to_json, to_toml, to_yaml
from degrade.exchange.recipes import DISCRIMINATOR_UNIT, TrainingPhase, TrainingSet
from degrade.exchange.trainner_options import trainner_options

__all__ = ["OptionFile", "option_files"]


@dataclass(frozen=True, slots=True)
class _Trainer:
    """How one trainer's options are made, and the language of its files."""

    options: Callable[[TrainingSet, TrainingPhase], OptionTree]
    to_text: Callable[[OptionTree], str]
    ending: str


_TRAINERS = {
    "basicsr": _Trainer(basicsr_options, to_yaml, "yml"),
    "realesrgan": _Trainer(realesrgan_options, to_yaml, "yml"),
    "neosr": _Trainer(neosr_options, to_toml, "toml"),
    "trainner-redux": _Trainer(trainner_options, to_yaml, "yml"),
    "kair": _Trainer(kair_options, to_json, "json"),
}


@dataclass(frozen=True, slots=True)
class OptionFile:
    """The name and the text of one file."""

    name: str
    text: str


def option_files(format: str, data: TrainingSet) -> list[OptionFile]:
    """Return the option files of every trainer that reads a format: a psnr and a gan phase each.

    Patches that no discriminator takes get no gan phase.

    Parameters
    ----------
    format : str
        A name in :data:`~degrade.exchange.formats.EXPORT_FORMATS`.
    data : TrainingSet

    Raises
    ------
    InvalidValueError
        A path is no text that a file could hold.
    """
    phases: tuple[TrainingPhase, ...] = ("psnr", "gan")
    if data.patch % DISCRIMINATOR_UNIT:
        phases = ("psnr",)
    files = []
    for name in EXPORT_FORMATS[format].trainers:
        trainer = _TRAINERS[name]
        for phase in phases:
            text = trainer.to_text(trainer.options(data, phase))
            files.append(OptionFile(f"{name}_{phase}.{trainer.ending}", text))
    return files
