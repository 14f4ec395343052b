"""``degrade convert`` and ``degrade export-model``."""

from __future__ import annotations

from typing import Any

import click

from pipelines.cli.common import PATH, finish, out_argument
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import NETWORK_SCALE

_scale_option = click.option(
    "--scale",
    type=NETWORK_SCALE,
    default=None,
    help="For the few weights that do not tell.  [default: read off the weights]",
)


_overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace OUT even if this command did not make it."
)


@command("convert", short_help="Rewrite weights under other names, .pth or .safetensors.")
@click.argument("source", metavar="IN", type=PATH)
@out_argument
@click.option(
    "--naming",
    type=click.Choice(["basicsr", "trunk", "model", "srgan"]),
    default="basicsr",
    show_default=True,
    help="basicsr: BasicSR, Real-ESRGAN. trunk: ESRGAN's release, KAIR. model: ESRGAN's first "
    "research code. srgan: SRGAN-PyTorch, for SRResNet.",
)
@click.option("--half", is_flag=True, help="Store in float16.  [default: as in IN]")
@_scale_option
@_overwrite_option
def convert(**options: Any) -> None:
    """Rewrite the weights IN as OUT, .pth or .safetensors, under the names of --naming.

    RRDBNet, SRVGGNetCompact, SRResNet and MSRResNet are told apart by themselves, in every naming.
    """
    from pipelines.models.convert_model import ConvertConfig, convert_model

    finish(convert_model(ConvertConfig(**options)))


@command("export-model", short_help="Write weights for use elsewhere: ONNX, safetensors.")
@click.argument("weights", metavar="WEIGHTS", type=PATH)
@out_argument
@_scale_option
@_overwrite_option
def export_model(**options: Any) -> None:
    """Write WEIGHTS as OUT for use elsewhere: .onnx, for images of any size, or .safetensors.

    An ONNX file is compared with PyTorch before it is written; needs pip install 'degrade[onnx]'.
    """
    from pipelines.models.export_model import ExportModelConfig
    from pipelines.models.export_model import export_model as run

    finish(run(ExportModelConfig(**options)))
