"""Checkpoints that survive a kill, a full disk and a bad file; none of them can run code.

``checkpoint-00001000.pt`` holds a training state; ``checkpoint-00001000.json`` beside it states
its sha256 and is written last: a checkpoint without it, or of another hash, does not count. Those
of a run's plan, every so many steps, are what it goes back to when its loss stays without a value;
those that are written because it was stopped are not, so that stops do not change the result.
``generator.pth`` holds the generator alone, as BasicSR saves one: ``{"params": state_dict}``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from degrade.disk.files import read_file, write_atomically
from degrade.disk.results import Results
from degrade.disk.structs import Text, read_struct
from degrade.errors import CorruptDataError, DegradeError, InputError, InvalidValueError, printable
from esrgan.networks import Discriminator, Generator
from esrgan.weights.files import encode_pth, open_scale, parse_weights

__all__ = [
    "CheckpointWarning",
    "best_score",
    "checkpoint_files",
    "encode_discriminator",
    "encode_generator",
    "newest_step",
    "read_newest_checkpoint",
    "read_planned_checkpoint",
    "write_checkpoint",
    "write_generator",
]

_NAME = re.compile(r"checkpoint-(\d{8,})\.pt")
_FILE = re.compile(r"checkpoint-\d{8,}\.(pt|json)")


class _Stamp(msgspec.Struct, frozen=True):
    """What the file beside a checkpoint states of it."""

    sha256: Text
    planned: bool = False
    score: float | None = None
    scored_by: Text = "psnr"


class CheckpointWarning(UserWarning):
    """A checkpoint was damaged and an older one is used instead."""


def encode_generator(generator: Generator) -> bytes:
    """Return the generator as any reader of BasicSR's RRDBNet weights expects it."""
    state = {k: v.detach().cpu().contiguous() for k, v in generator.state_dict().items()}
    said = open_scale(type(generator), generator.scale, generator.in_channels)
    return encode_pth({"params": state, **said})


def encode_discriminator(discriminator: Discriminator) -> bytes:
    """Return the discriminator, its names those of BasicSR where that has such a one."""
    state = {k: v.detach().cpu().contiguous() for k, v in discriminator.state_dict().items()}
    return encode_pth({"params": state})


def write_generator(path: Path, generator: Generator) -> None:
    """Write what :func:`encode_generator` gives."""
    write_atomically(path, encode_generator(generator))


def write_checkpoint(
    folder: Path,
    step: int,
    state: Mapping[str, Any],
    *,
    planned: bool = True,
    keep: int = 3,
    score: float | None = None,
    scored_by: str = "psnr",
    keep_best: int = 0,
    results: Results | None = None,
) -> Path:
    """Write a checkpoint; remove all but the newest ``keep`` and the best ``keep_best``.

    The newest planned one is never removed.

    Parameters
    ----------
    folder : Path
    step : int
        Steps done; names the file.
    state : mapping
        Tensors, plain Python values, and lists and dicts of them.
    planned : bool
        Whether :func:`read_planned_checkpoint` may return it.
    keep : int
        At least 1.
    score : float or None
        How good it is, more is better; None: not known.
    scored_by : str
        What the score is; those by another measure do not count beside it.
    keep_best : int
        Of those with a score; of equal ones the newer counts as better.
    results : Results or None
        Of the folder: files that are not its own are neither replaced nor removed. None: the
        folder holds no other files.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    InvalidValueError
        ``state`` holds something that would need code to be read back.
    DegradeError
        The disk is full or the folder cannot be written, or a file of the checkpoint's name is not
        the run's; the older checkpoints are untouched.
    """
    for name, value, least in (("keep", keep, 1), ("keep_best", keep_best, 0)):
        if value < least:
            raise InvalidValueError(f"{name} must be at least {least}, got {value}")
    _check_plain(state, "state")
    path = _path(folder, step)
    data = encode_pth(state)
    write = write_atomically if results is None else partial(results.write, mend=True)
    stamp = {
        "step": step,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "planned": planned,
        "score": score,
        "scored_by": scored_by,
    }
    # The stamp first: a kill in between leaves no checkpoint, and not one that seems damaged.
    write(path.with_suffix(".json"), json.dumps(stamp).encode())
    write(path, data)
    for old in _outdated(folder, step, keep, keep_best, scored_by):
        if results is None or results.knows(old):
            with contextlib.suppress(OSError):
                old.unlink(missing_ok=True)
    return path


def checkpoint_files(folder: Path) -> list[Path]:
    """Return all that is called as a checkpoint or its stamp, whatever it is."""
    return sorted(path for path in folder.iterdir() if _FILE.fullmatch(path.name))


def best_score(folder: Path, scored_by: str = "psnr") -> float | None:
    """Return the highest score by a measure of a folder's checkpoints; None where there is none."""
    return max(
        (
            score
            for step in _steps(folder)
            if (score := _score(folder, step, scored_by)) is not None
        ),
        default=None,
    )


def newest_step(folder: Path) -> int | None:
    """Return the step of the newest checkpoint, sound or not; None where there is none."""
    return max(_steps(folder), default=None)


def read_newest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state of the newest sound checkpoint; None where there is none at all.

    A damaged one is passed over with a :class:`CheckpointWarning`.

    Raises
    ------
    DegradeError
        There are checkpoints, and all are damaged.
    """
    steps = _steps(folder)
    newest = _read_newest_of(folder, steps)
    if steps and newest is None:
        raise DegradeError(
            f"{printable(folder)}: every checkpoint is damaged; choose another output folder, or "
            "delete them to begin anew"
        )
    return newest


def read_planned_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state of the newest sound checkpoint that was planned; None where there is none.

    A damaged one is passed over with a :class:`CheckpointWarning`.
    """
    return _read_newest_of(folder, [step for step in _steps(folder) if _planned(folder, step)])


def _read_newest_of(folder: Path, steps: Sequence[int]) -> dict[str, Any] | None:
    for step in reversed(steps):
        try:
            return _read_checkpoint(_path(folder, step))
        except InputError as error:
            warnings.warn(f"{error.path}: {error.reason}; passed over", CheckpointWarning, 3)
    return None


def _read_checkpoint(path: Path) -> dict[str, Any]:
    data = read_file(path)
    stamp = _read_stamp(path)
    if stamp is None:
        raise InputError(path, "was not written to its end (its .json is missing or damaged)")
    if hashlib.sha256(data).hexdigest() != stamp.sha256:
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


def _read_stamp(checkpoint: Path) -> _Stamp | None:
    """Return what is stated of a checkpoint; None where that is not there or damaged."""
    try:
        # A score without a value, as of pairs without an error, counts as none.
        content = read_file(checkpoint.with_suffix(".json"))
        found = json.loads(content, parse_constant=lambda _: None)
        return read_struct(found, _Stamp, "a checkpoint's .json")
    except (InputError, CorruptDataError, ValueError, RecursionError):
        return None


def _planned(folder: Path, step: int) -> bool:
    stamp = _read_stamp(_path(folder, step))
    return stamp is not None and stamp.planned


def _score(folder: Path, step: int, scored_by: str) -> float | None:
    stamp = _read_stamp(_path(folder, step))
    return stamp.score if stamp is not None and stamp.scored_by == scored_by else None


def _path(folder: Path, step: int) -> Path:
    return folder / f"checkpoint-{step:08d}.pt"


def _outdated(
    folder: Path, newest: int, keep: int, keep_best: int, scored_by: str
) -> Iterator[Path]:
    """Yield the files of checkpoints that are to go, each stamp before its checkpoint."""
    steps = _steps(folder)
    # Later ones were damaged, passed over, and belong to a future that is not this run's.
    past = [step for step in steps if step <= newest]
    found = {step: _score(folder, step, scored_by) for step in past}
    scores = {step: score for step, score in found.items() if score is not None}
    best = sorted(scores, key=lambda step: (scores[step], step), reverse=True)[:keep_best]
    planned = [step for step in past if _planned(folder, step)]
    for step in set(steps).difference(past[-keep:], best, planned[-1:]):
        # The stamp goes first: a kill in between leaves a file that does not count.
        yield from (_path(folder, step).with_suffix(suffix) for suffix in (".json", ".pt"))
