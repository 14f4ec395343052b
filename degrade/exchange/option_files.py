"""The option files that come with each form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from degrade.exchange.basicsr_options import basicsr_options, realesrgan_options
from degrade.exchange.formats import Form
from degrade.exchange.kair_options import kair_options
from degrade.exchange.neosr_options import neosr_options
from degrade.exchange.option_text import to_json, to_toml, to_yaml
from degrade.exchange.recipes import DISCRIMINATOR_UNIT, Options, Stage, TrainingSet
from degrade.exchange.trainner_options import trainner_options

__all__ = ["TRAINERS", "OptionFile", "option_files"]

TRAINERS: dict[Form, tuple[str, ...]] = {
    "basicsr-lmdb": ("basicsr", "realesrgan", "neosr"),
    "png": ("basicsr", "realesrgan", "neosr", "trainner-redux"),
    "kair": ("kair",),
    "webdataset": (),
    "h5": (),
}
"""Who reads each form; traiNNer-redux reads image files only."""

_MAKERS: dict[
    str, tuple[Callable[[TrainingSet, Stage], Options], Callable[[Options], str], str]
] = {
    "basicsr": (basicsr_options, to_yaml, "yml"),
    "realesrgan": (realesrgan_options, to_yaml, "yml"),
    "neosr": (neosr_options, to_toml, "toml"),
    "trainner-redux": (trainner_options, to_yaml, "yml"),
    "kair": (kair_options, to_json, "json"),
}


@dataclass(frozen=True, slots=True)
class OptionFile:
    """The name and the text of one file."""

    name: str
    text: str


def option_files(form: Form, data: TrainingSet) -> list[OptionFile]:
    """Return the option files of every trainer that reads ``form``: a psnr and a gan stage each.

    Patches that no discriminator takes get no gan stage.

    Raises
    ------
    InvalidValueError
        A path is no text that a file could hold.
    """
    stages: tuple[Stage, ...] = ("psnr", "gan")
    if data.patch % DISCRIMINATOR_UNIT:
        stages = ("psnr",)
    files = []
    for trainer in TRAINERS[form]:
        make, write, ending = _MAKERS[trainer]
        files += [
            OptionFile(f"{trainer}_{stage}.{ending}", write(make(data, stage))) for stage in stages
        ]
    return files
