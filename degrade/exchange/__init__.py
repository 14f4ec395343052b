"""Pairs in the forms that other trainers read, with option files that name them."""

from degrade.exchange.formats import (
    EncodedPair,
    ExportSet,
    Form,
    Sink,
    encode_pair,
    entry_names,
    open_sink,
)
from degrade.exchange.kair_kernels import write_kair_kernels
from degrade.exchange.option_files import TRAINERS, OptionFile, option_files
from degrade.exchange.recipes import TRAINER_SCALES, TrainingSet, patch_size

__all__ = [
    "TRAINERS",
    "TRAINER_SCALES",
    "EncodedPair",
    "ExportSet",
    "Form",
    "OptionFile",
    "Sink",
    "TrainingSet",
    "encode_pair",
    "entry_names",
    "open_sink",
    "option_files",
    "patch_size",
    "write_kair_kernels",
]
