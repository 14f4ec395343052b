"""How much memory ``degrade upscale`` takes for a large photo, by format and ``--max-memory``.

A photo is repeated until it has the wanted size, and enlarged by a small network with random
weights: what counts is the size. Each run is a process of its own; its peak is what Linux says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.parts import run_main
from degrade.images.image_io import read_photo, write_png
from esrgan.networks import RRDBNet
from esrgan.weights.files import weights_of, write_weights

SHARED = Path(__file__).parents[2] / "shared" / "data"
_WAYS = ("png:2", "png:0.25", "tiff:0.25", "jpeg:0.25")


def main() -> None:
    """Enlarge the photo in each way, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upscaling_memory")
    add = parser.add_argument
    add("photo", type=Path, nargs="?", default=SHARED / "hr" / "clic_clocktower.png")
    add("--size", type=int, nargs=2, default=(4000, 3000), help="width and height")
    add("--features", type=int, default=8, help="of the network, an RRDBNet of one block, ×4")
    add("--ways", nargs="+", default=_WAYS, metavar="FORMAT:GIB")
    given = parser.parse_args()
    width, height = given.size
    with tempfile.TemporaryDirectory(prefix="upscaling-") as place:
        folder = Path(place)
        tile = read_photo(given.photo).as_u8()
        times = (-(-height // tile.shape[0]), -(-width // tile.shape[1]), 1)
        write_png(folder / "photo.png", np.tile(tile, times)[:height, :width])
        torch.manual_seed(0)
        network = RRDBNet(scale=4, features=given.features, blocks=1, growth=4)
        write_weights(folder / "weights.pth", weights_of(network))
        idle = _peak("-c", "import pipelines.upscaling.upscale")
        print(f"| format | `--max-memory` | peak, of which {idle:.0f} MiB without a photo |")
        print("|---|---|---|")
        for form, _, memory in (way.partition(":") for way in given.ways):
            out = folder / f"{form}-{memory}"
            words = (folder / "photo.png", "--weights", folder / "weights.pth", "--out", out)
            limits = ("--format", form, "--max-memory", memory, "--device", "cpu")
            peak = _peak("-m", "pipelines.cli", "upscale", *words, *limits)
            print(f"| {form} | {memory} | {peak:.0f} MiB |", flush=True)


def _peak(*words: object) -> float:
    """Run Python, and return the MiB that it held at most."""
    command = [sys.executable, *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_maxrss / 1024


if __name__ == "__main__":
    run_main(main)
