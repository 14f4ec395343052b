"""Checkpoints that survive a kill, a full disk and a bad file; none of them can run code.

``checkpoint-00001000.pt`` holds a training state; ``checkpoint-00001000.json`` beside it states
its sha256 and is written last: a checkpoint without it, or of another hash, does not count.
``generator.pth`` holds the generator alone, as BasicSR saves one: ``{"params": state_dict}``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.files import read_file, write_atomically
from esrgan.networks import RRDBNet
from esrgan.weight_files import encode_pth, parse_weights, read_network

__all__ = [
    "CheckpointWarning",
    "best_score",
    "has_checkpoint",
    "parse_weights",
    "read_generator",
    "read_newest_checkpoint",
    "write_checkpoint",
    "write_generator",
]

_NAME = re.compile(r"checkpoint-(\d{8,})\.pt")


class CheckpointWarning(UserWarning):
    """A checkpoint was damaged and an older one is used instead."""


def read_generator(path: Path) -> RRDBNet:
    """Read an RRDBNet from a weights file in any naming.

    Raises
    ------
    InputError
        The file is missing, damaged, would run code, or is no RRDBNet for RGB images.
    """
    generator = read_network(path)
    if not isinstance(generator, RRDBNet):
        name = type(generator).__name__
        raise InputError(path, f"not the weights of an RRDBNet: {name}'s", "give RRDBNet weights")
    if (generator.in_channels, generator.out_channels) != (3, 3):
        channels = f"{generator.in_channels} channels to {generator.out_channels}"
        raise InputError(path, f"an RRDBNet from {channels}", "give one for RGB images")
    return generator


def write_generator(path: Path, generator: nn.Module) -> None:
    """Write the generator as any reader of BasicSR's RRDBNet weights expects it."""
    state = {k: v.detach().cpu().contiguous() for k, v in generator.state_dict().items()}
    write_atomically(path, encode_pth({"params": state}))


def write_checkpoint(
    folder: Path,
    step: int,
    state: Mapping[str, Any],
    *,
    keep: int = 3,
    score: float | None = None,
    keep_best: int = 0,
) -> Path:
    """Write a checkpoint; remove all but the newest ``keep`` and the best ``keep_best``.

    Parameters
    ----------
    folder : Path
    step : int
        Steps done; names the file.
    state : mapping
        Tensors, plain Python values, and lists and dicts of them.
    keep : int
        At least 1.
    score : float or None
        How good it is, more is better; None: not known.
    keep_best : int
        Of those with a score; of equal ones the newer counts as better.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    InvalidValueError
        ``state`` holds something that would need code to be read back.
    DegradeError
        The disk is full or the folder cannot be written; the older checkpoints are untouched.
    """
    if keep < 1 or keep_best < 0:
        raise InvalidValueError(
            f"keep must be at least 1 and keep_best at least 0, got {keep} and {keep_best}"
        )
    _check_plain(state, "state")
    path = folder / f"checkpoint-{step:08d}.pt"
    data = encode_pth(state)
    write_atomically(path, data)
    stamp: dict[str, Any] = {"step": step, "bytes": len(data)}
    stamp |= {"sha256": hashlib.sha256(data).hexdigest(), "score": score}
    write_atomically(path.with_suffix(".json"), json.dumps(stamp).encode())
    _prune(folder, step, keep, keep_best)
    return path


def best_score(folder: Path) -> float | None:
    """Return the highest score of the checkpoints in the folder; None where none has one."""
    return max((score for step in _steps(folder) if (score := _score(folder, step)) is not None),
               default=None)  # fmt: skip


def has_checkpoint(folder: Path) -> bool:
    """Tell whether the folder holds any checkpoint, sound or not."""
    return bool(_steps(folder))


def read_newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state of the newest sound checkpoint; None where there is none at all.

    A damaged one is passed over with a :class:`CheckpointWarning`.

    Raises
    ------
    DegradeError
        There are checkpoints, and all are damaged.
    """
    steps = _steps(folder)
    for step in reversed(steps):
        path = folder / f"checkpoint-{step:08d}.pt"
        try:
            return _read_checkpoint(path)
        except InputError as error:
            warnings.warn(f"{error.path}: {error.reason}; passed over", CheckpointWarning, 2)
    if steps:
        raise DegradeError(
            f"{printable(folder)}: every checkpoint is damaged; choose another output folder, or "
            "delete them to begin anew"
        )
    return None


def _read_checkpoint(path: Path) -> dict[str, Any]:
    data = read_file(path)
    try:
        stamp = json.loads(read_file(path.with_suffix(".json")))
        wanted = stamp["sha256"]
    except (InputError, ValueError, KeyError, TypeError):
        raise InputError(path, "was not written to its end (its .json is missing)") from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise InputError(path, "its content is not what was written (sha256 differs)")
    state = parse_weights(data, path)
    if not isinstance(state, dict):
        raise InputError(path, "is no checkpoint of this program")
    return state


def _check_plain(value: Any, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_plain(key, where)
            _check_plain(item, f"{where}[{key!r}]")
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item, where)
    elif not (value is None or isinstance(value, Tensor) or type(value) in (bool, int, float, str)):
        raise InvalidValueError(f"{where} holds a {type(value).__name__}, not a plain value")


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    found = [_NAME.fullmatch(path.name) for path in folder.iterdir()]
    return sorted(int(match.group(1)) for match in found if match)


def _score(folder: Path, step: int) -> float | None:
    """Return a checkpoint's score; None where it has none or its stamp is damaged."""
    try:
        score = json.loads(read_file(folder / f"checkpoint-{step:08d}.json"))["score"]
    except (InputError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return float(score) if type(score) in (int, float) and math.isfinite(score) else None


def _prune(folder: Path, newest: int, keep: int, keep_best: int) -> None:
    steps = _steps(folder)
    # Later ones were damaged, passed over, and belong to a future that is not this run's.
    past = [step for step in steps if step <= newest]
    scores = {step: score for step in past if (score := _score(folder, step)) is not None}
    best = sorted(scores, key=lambda step: (scores[step], step), reverse=True)[:keep_best]
    for step in set(steps).difference(past[-keep:], best):
        # The stamp goes first: a kill in between leaves a file that does not count.
        for suffix in (".json", ".pt"):
            with contextlib.suppress(OSError):
                (folder / f"checkpoint-{step:08d}{suffix}").unlink(missing_ok=True)
