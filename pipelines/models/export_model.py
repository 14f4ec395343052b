"""Export a generator for use outside of PyTorch training: ONNX or safetensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from degrade.disk.results import Results
from degrade.errors import printable
from esrgan.networks import SRResNet, fold_batch_norm
from esrgan.weights.files import Weights, encode_weights, read_weights, weights_of
from esrgan.weights.identification import network_from_state_dict
from esrgan.weights.onnx_graph import OPSET, encode_onnx, onnx_difference, require_onnx
from pipelines.models.convert_model import check_target, describe_weights, refuse_source
from pipelines.shared.job import Job
from pipelines.shared.reports import RunReport

__all__ = ["ExportModelConfig", "export_model"]

# Odd sides: the pixel-unshuffle of ×1 and ×2 has to pad them.
_CHECKED_SIZES = ((1, 17, 23), (2, 32, 21))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportModelConfig:
    """The settings of ``degrade export-model``.

    Attributes
    ----------
    weights : Path
        Of a generator, in any naming.
    out : Path
        The new file; its ending, ``.onnx`` or ``.safetensors``, says the type.
    scale : int or None
        For weights that leave it open; an error says when that is so.
    overwrite : bool
        Replace the file whoever made it.
    """

    weights: Path
    out: Path
    scale: int | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_target(self.out, (".onnx", ".safetensors"))


def export_model(config: ExportModelConfig) -> RunReport:
    """Write a generator in float32, its BatchNorm folded into the convolutions.

    An ONNX file takes any batch, height and width, and is compared with the network on random
    images before it is written.

    Parameters
    ----------
    config : ExportModelConfig

    Returns
    -------
    RunReport
        Its lines say what the network is and how far the ONNX file is from it.

    Raises
    ------
    MissingDependencyError
        ONNX is not installed.
    DegradeError
        The weights cannot be used (an ``InputError`` names the file and why), the ONNX file does
        not do what the network does, or it cannot be written or would replace what no export has
        made.
    """
    job = Job("export-model", "file")
    to_onnx = config.out.suffix.lower() == ".onnx"
    if to_onnx:
        require_onnx()
    refuse_source(config.out, config.weights)
    results = Results.at(config.out, "export-model", overwrite=config.overwrite)
    weights = _for_use(read_weights(config.weights, scale=config.scale))
    job.facts += describe_weights(weights)
    if to_onnx:
        network = network_from_state_dict(weights.state, scale=weights.spec.scale).eval()
        data = encode_onnx(network, weights.spec.to_metadata())
        difference = onnx_difference(data, network, _CHECKED_SIZES)
        sizes = " and ".join(f"{b}×{h}×{w}" for b, h, w in _CHECKED_SIZES)
        words = (
            f"opset {OPSET}; lr (batch, {network.in_channels}, height, width) float32 on [0, 1] "
            f"to sr, {weights.spec.scale} times as high and wide"
        )
        job.found("onnx", words, opset=OPSET)
        words = f"differs from torch by at most {difference:.2g} on random images of {sizes}"
        job.found("difference", words, largest=difference)
    else:
        data = encode_weights(config.out, weights)
    results.write(config.out, data)
    words = f"written: {printable(config.out)}, {len(data)} bytes"
    job.found("written", words, path=str(config.out), bytes=len(data))
    return job.report(1)


def _for_use(weights: Weights) -> Weights:
    """Return the weights in float32, with BatchNorm folded."""
    network = network_from_state_dict(weights.state, scale=weights.spec.scale)
    return weights_of(fold_batch_norm(network) if isinstance(network, SRResNet) else network)
