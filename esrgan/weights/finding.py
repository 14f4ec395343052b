"""What a user may point at when weights are wanted: a file, or the folder of a training."""

from __future__ import annotations

import re
from pathlib import Path

from degrade.errors import InputError

__all__ = ["find_weights"]

_GENERATOR = "generator.pth"
_STAGE = re.compile(r"(\d+)-.+")


def find_weights(path: Path) -> Path:
    """Return the file of weights that a path means.

    Parameters
    ----------
    path : Path
        A file, taken as it is; or the folder of ``degrade train``: ``generator.pth`` in it, or in
        its last stage that has one.

    Raises
    ------
    InputError
        The folder has no such file, or the file is one that weights cannot be read from.
    """
    if path.suffix.lower() == ".onnx":
        raise InputError(
            path,
            "an ONNX file is a program for other runtimes, not weights",
            "give the .pth or .safetensors that it was made from",
        )
    if not path.is_dir():
        return path
    stages = [
        (int(found[1]), folder)
        for folder in path.iterdir()
        if (found := _STAGE.fullmatch(folder.name))
    ]
    for folder in (path, *(folder for _, folder in sorted(stages, reverse=True))):
        if (folder / _GENERATOR).is_file():
            return folder / _GENERATOR
    raise InputError(
        path,
        f"a folder without {_GENERATOR}",
        "give a file of weights, or the folder of a training",
    )
