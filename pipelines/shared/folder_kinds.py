"""The kinds of folders that jobs write, so that no two kinds come into one folder."""

from __future__ import annotations

__all__ = ["FOLDER_KINDS"]

FOLDER_KINDS = {
    "pool.json": "a degradation pool",
    "run.json": "a run of build-pairs",
    "training.json": "a training",
    "export.json": "an export of pairs",
    "upscale.jsonl": "enlarged photos",
    "study.json": "a study of opinions",
}
"""The file by which each kind of folder is known, and what such a folder holds."""
