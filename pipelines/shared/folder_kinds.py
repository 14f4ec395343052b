"""The kinds of folders that jobs write, so that no two kinds come into one folder."""

from __future__ import annotations

from pathlib import Path

from degrade.disk.files import claim_folder as claim_among

__all__ = ["FOLDER_KINDS", "claim_folder"]

FOLDER_KINDS = {
    "pool.json": "a degradation pool",
    "run.json": "a run of build-pairs",
    "training.json": "a training",
    "export.json": "an export of pairs",
    "upscale.jsonl": "enlarged photos",
}
"""The file by which each kind of folder is known, and what such a folder holds."""


def claim_folder(folder: Path, mark: str) -> None:
    """Make a folder for one kind of content; ``mark`` is its file in :data:`FOLDER_KINDS`.

    Raises
    ------
    DegradeError
        The folder cannot be made, or holds content of another kind, which would be mixed up.
    """
    claim_among(folder, mark, FOLDER_KINDS)
