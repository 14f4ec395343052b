"""What must not change between a training and its resumption, kept where it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degrade.disk.files import write_atomically
from degrade.errors import ChangedConfigError, CorruptDataError, printable
from esrgan.training.checkpoints import newest_step
from pipelines.shared.changes import changes_between
from pipelines.training.plan import Stage

__all__ = ["RUN_FILE", "check_record", "has_begun", "record_of_stage"]

RUN_FILE = "training.json"

_HASHES = {
    "samples": "content of the pairs, their noise and crops",
    "init": "content of the weights to start from",
    "vgg_weights": "content of VGG19's weights",
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
    hashes : mapping of "init" and "vgg_weights" to str or None
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


def check_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Keep the record of a training that has no checkpoint yet; refuse to go on with another.

    Raises
    ------
    ChangedConfigError
        The training in the folder was begun with other settings.
    CorruptDataError
        Its record is damaged or missing.
    """
    path = folder / RUN_FILE
    if not has_begun(folder):
        write_atomically(path, json.dumps(record, indent=1, sort_keys=True).encode())
        return
    try:
        differences = _differences(json.loads(path.read_bytes()), record)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        raise CorruptDataError(
            f"{printable(path)} is damaged or missing; choose another output folder"
        ) from None
    if differences:
        raise ChangedConfigError(folder, differences)


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    if ("stages" in then) != ("stages" in now):
        # One with stages and one without have nothing else in common.
        stages = [record.get("stages", [record.get("preset")]) for record in (then, now)]
        return {"`stages`": (", ".join(stages[0]), ", ".join(stages[1]))}
    return changes_between(then, now, words=_HASHES, show=_shown)


def _shown(name: str, value: Any) -> str:
    return str(value)[:8] if name in _HASHES else str(value)
