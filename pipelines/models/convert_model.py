"""Rewrite a generator's weights in another naming, file type or precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from esrgan.weights.files import Weights, encode_weights, read_weights
from esrgan.weights.naming import NAMINGS, Naming
from pipelines.shared.job import Job
from pipelines.shared.reports import Fact, RunReport

__all__ = ["ConvertConfig", "check_target", "convert_model", "describe_weights", "refuse_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertConfig:
    """The settings of ``degrade convert``.

    Attributes
    ----------
    source : Path
        Weights of a generator in any naming: ``.safetensors``, or anything that torch saves.
    out : Path
        The new file; its ending, ``.pth`` or ``.safetensors``, says the type.
    naming : {"basicsr", "trunk", "model", "srgan"}
        See :mod:`esrgan.weights.naming`.
    half : bool
        Store in float16; otherwise the precision stays.
    scale : int or None
        For weights that leave it open; an error says when that is so.
    overwrite : bool
        Replace the file whoever made it.
    """

    source: Path
    out: Path
    naming: Naming = "basicsr"
    half: bool = False
    scale: int | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_target(self.out, (".pth", ".safetensors"))
        if self.naming not in NAMINGS:
            raise InvalidValueError(
                f"naming must be one of {', '.join(NAMINGS)}, got {self.naming!r}"
            )


def check_target(out: Path, endings: tuple[str, ...]) -> None:
    """Raise InvalidValueError unless the path ends as one of the file types does."""
    if out.suffix.lower() not in endings:
        raise InvalidValueError(
            f"the file to write must end in {' or '.join(endings)}, got {printable(out)!r}"
        )


def refuse_source(out: Path, source: Path) -> None:
    """Raise DegradeError where a file is to be made of itself."""
    if out.exists() and source.exists() and out.samefile(source):
        raise DegradeError(f"{printable(out)} would replace its own source; choose another")


def convert_model(config: ConvertConfig) -> RunReport:
    """Read weights, rename them, and write them to ``config.out``.

    Nothing but names, file type and, with ``half``, precision changes; a conversion there and back
    gives the same tensors bit by bit.

    Parameters
    ----------
    config : ConvertConfig

    Returns
    -------
    RunReport
        Its lines say what the network is.

    Raises
    ------
    DegradeError
        The weights cannot be used (an ``InputError`` names the file and why), the network has no
        such naming, float16 is too small for a weight, or the result cannot be written or would
        replace what no conversion has made.
    """
    job = Job("convert", "file")
    refuse_source(config.out, config.source)
    results = Results.at(config.out, "convert", overwrite=config.overwrite)
    weights = read_weights(config.source, scale=config.scale)
    if config.half:
        state = {name: _halved(t, name, config.source) for name, t in weights.state.items()}
        weights = replace(weights, state=state)
    data = encode_weights(config.out, weights, naming=config.naming)
    results.write(config.out, data)
    job.facts += describe_weights(weights)
    words = f"written as {config.naming}: {printable(config.out)}, {len(data)} bytes"
    job.found("written", words, naming=config.naming, path=str(config.out), bytes=len(data))
    return job.report(1)


def describe_weights(weights: Weights) -> list[Fact]:
    """Return what the weights are."""
    floats = [t for t in weights.state.values() if t.is_floating_point()]
    count = sum(t.numel() for t in floats)
    kinds = sorted({str(t.dtype).removeprefix("torch.") for t in floats})
    words = f"{weights.spec.describe()}; {count} numbers, {' and '.join(kinds)}"
    facts = [Fact("network", words, {**weights.spec.to_metadata(), "numbers": count})]
    if weights.spec.architecture == "rrdbnet" and weights.spec.scale == 3:
        words = (
            "×3: only the naming model loads elsewhere (ESRGAN's first research code, upscale=3); "
            "programs that guess the scale take it for ×2; ONNX runs everywhere"
        )
        facts.append(Fact("scale_3", words))
    elif (weights.spec.scale, weights.spec.arguments.get("unshuffle")) == (2, 1):
        words = "one enlarging convolution: ×2; if it is ×3, say so (`scale=3`)"
        facts.append(Fact("scale_2", words))
    return facts


def _halved(tensor: Tensor, name: str, path: Path) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not bool(torch.isfinite(half).all()):
        raise InputError(path, f"{name} is too large for float16", "convert without `half`")
    return half
