"""``degrade fingerprint``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import PATH, finish
from pipelines.cli.help_pages import command

__all__ = ["fingerprint"]


@command("fingerprint", short_help="Write what a pool knows of a camera into one small file.")
@click.argument("pool", type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="The file to write, NAME.json.")
@click.option(
    "--camera", default=None, help="Tell only of photos whose camera has this in its name."
)
@click.option("--names", is_flag=True, help="Keep the names of the photos' files.")
@click.option(
    "--overwrite", is_flag=True, help="Replace a file that this command did not make as it is."
)
def fingerprint(pool: Path, **options: Any) -> None:
    """Write what POOL knows of a camera into one small file, to be given to others.

    It holds kernels and what was measured, and no pixel, place, serial number or, unless --names
    is given, name of a file. It stands wherever a pool is read: build-pairs --fingerprint.
    """
    from pipelines.pool.fingerprints import FingerprintConfig, write_fingerprint

    finish(write_fingerprint(FingerprintConfig(pool=pool, **options)))
