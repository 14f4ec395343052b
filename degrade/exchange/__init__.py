"""Pairs in the formats that other trainers read, with option files that name them."""

from degrade.exchange.formats import (
    EXPORT_FORMATS,
    EncodedPair,
    ExportFormat,
    ExportSet,
    ExportWriter,
    encode_pair,
    entry_names,
    open_writer,
)
from degrade.exchange.kair_kernels import write_kair_kernels
from degrade.exchange.option_files import OptionFile, option_files
from degrade.exchange.recipes import TRAINER_SCALES, TrainingSet, patch_size

__all__ = [
    "EXPORT_FORMATS",
    "TRAINER_SCALES",
    "EncodedPair",
    "ExportFormat",
    "ExportSet",
    "ExportWriter",
    "OptionFile",
    "TrainingSet",
    "encode_pair",
    "entry_names",
    "open_writer",
    "option_files",
    "patch_size",
    "write_kair_kernels",
]
