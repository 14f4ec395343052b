"""Pairs in the formats that other trainers read, with option files that name them.

What works on pixels or kernels is loaded when first asked for, so that the help of a command, which
lists the formats, needs no arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from degrade.exchange.formats import (
    EXPORT_FORMATS,
    EncodedPair,
    ExportFormat,
    ExportSet,
    ExportWriter,
    entry_names,
    open_writer,
)
from degrade.exchange.option_files import OptionFile, option_files
from degrade.exchange.recipes import TRAINER_SCALES, TrainingSet, patch_size

if TYPE_CHECKING:
    from degrade.exchange.encoding import encode_pair
    from degrade.exchange.kair_kernels import encode_kair_kernels

__all__ = [
    "EXPORT_FORMATS",
    "TRAINER_SCALES",
    "EncodedPair",
    "ExportFormat",
    "ExportSet",
    "ExportWriter",
    "OptionFile",
    "TrainingSet",
    "encode_kair_kernels",
    "encode_pair",
    "entry_names",
    "open_writer",
    "option_files",
    "patch_size",
]


def __getattr__(name: str) -> Any:
    if name == "encode_pair":
        from degrade.exchange.encoding import encode_pair

        return encode_pair
    if name == "encode_kair_kernels":
        from degrade.exchange.kair_kernels import encode_kair_kernels

        return encode_kair_kernels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
