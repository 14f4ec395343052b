"""What must not change between a training and its resumption, kept where it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degrade.disk.results import Results, refuse_other_files, refuse_taken
from degrade.errors import ChangedConfigError, CorruptDataError, printable
from esrgan.training.checkpoints import checkpoint_files, newest_step
from esrgan.training.config import TrainingConfig
from esrgan.training.step_log import StepLog
from pipelines.shared.changes import changes_between
from pipelines.training.file_names import (
    BEST,
    BOARD,
    CURVES,
    DISCRIMINATOR,
    GENERATOR,
    LOG_FILE,
    PREVIEW,
    RUN_FILE,
    SCORES_FILE,
)
from pipelines.training.plan import Stage

__all__ = [
    "check_record",
    "claim_training",
    "has_begun",
    "record_of_stage",
    "results_of",
]

_OWN = (RUN_FILE, GENERATOR, DISCRIMINATOR, BEST, PREVIEW, CURVES)
_REMEDY = "move it away, or choose another output folder"

_HASHES = {
    "samples": "content of the pairs or photos, their noise and crops",
    "init": "content of the weights to start from",
    "init_discriminator": "content of the discriminator's weights to start from",
    "vgg_weights": "content of VGG19's weights",
    "pairs": "content of the pairs that are tuned on, too",
    "mse": "content of the MSE network's weights",
}
"""What an error calls the settings that are hashes."""


def record_of_stage(
    stage: Stage, *, seed: int, samples: str, hashes: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return what must not change, as JSON has it; more steps may come.

    Parameters
    ----------
    stage : Stage
    seed : int
    samples : str
        Fingerprint of the dataset.
    hashes : mapping of "init", "init_discriminator" and "vgg_weights" to str or None
        Of the files that the stage starts from.
    """
    training = stage.config.settings()
    del training["steps"]
    plain = training | {"preset": stage.name, "seed": seed, "samples": samples} | dict(hashes)
    copied: dict[str, Any] = json.loads(json.dumps(plain))
    return copied


def has_begun(folder: Path) -> bool:
    """Tell whether there is a checkpoint in a folder, or in that of one of its stages."""
    children = folder.iterdir() if folder.is_dir() else ()
    return any(newest_step(place) is not None for place in (folder, *children))


def results_of(folder: Path) -> Results:
    """Return what keeps the files that a training replaces as it goes on."""
    return Results(folder, "train", remedy=_REMEDY)


def claim_training(folder: Path) -> None:
    """Refuse a folder that holds anything but a training; one that is empty or missing is taken.

    Raises
    ------
    DegradeError
        It holds other files, or something else in the place of a file that the training replaces.
    CorruptDataError
        The training's record is damaged or missing.
    """
    if not folder.exists():
        return
    if not os.path.lexists(folder / RUN_FILE):
        refuse_other_files(printable(folder), [path.name for path in folder.iterdir()], "training")
        return
    _read_record(folder / RUN_FILE)
    results = results_of(folder)
    own = [folder / name for name in _OWN]
    checkpoints = checkpoint_files(folder)
    if not results.has_record:
        results.adopt([*own, *checkpoints])
    results.require_free(own)
    # One that is not as it was made is damaged, and an older one serves.
    refuse_taken([path for path in checkpoints if not results.knows(path)], _REMEDY)
    for name in (LOG_FILE, SCORES_FILE):
        StepLog(folder / name).require_own()
    if (folder / BOARD).is_symlink():
        refuse_taken([folder / BOARD], _REMEDY)


def _read_record(path: Path) -> dict[str, Any]:
    """Return the record of a training; CorruptDataError where the file is none."""
    try:
        found = {} if path.is_symlink() else json.loads(path.read_bytes())
        if isinstance(found, dict) and (
            "samples" in found or all(isinstance(s, str) for s in found["stages"])
        ):
            return found
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise CorruptDataError(
        f"{printable(path)} is damaged or missing, or another program's; "
        "choose another output folder"
    )


def check_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Keep the record of a training that has no checkpoint yet; refuse to go on with another.

    Raises
    ------
    ChangedConfigError
        The training in the folder was begun with other settings.
    CorruptDataError
        Its record is damaged or missing.
    DegradeError
        The record cannot be written.
    """
    path = folder / RUN_FILE
    if not has_begun(folder):
        results_of(folder).write(path, json.dumps(record, indent=1, sort_keys=True).encode())
        return
    differences = _differences(_read_record(path), record)
    if differences:
        raise ChangedConfigError(folder, differences)


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    if ("stages" in then) != ("stages" in now):
        # One with stages and one without have nothing else in common.
        stages = [record.get("stages", [record.get("preset")]) for record in (then, now)]
        return {"`stages`": (", ".join(stages[0]), ", ".join(stages[1]))}
    # Settings that an earlier version did not have were as they are by default.
    added: dict[str, Any] = json.loads(json.dumps(TrainingConfig().settings()))
    added = {name: value for name, value in added.items() if name in now}
    return changes_between({**added, **then}, now, words=_HASHES, show=_shown)


def _shown(name: str, value: Any) -> str:
    return str(value)[:8] if name in _HASHES else str(value)
