"""The end of an export: move it into place, and write what goes with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from degrade.disk.failures import writing
from degrade.disk.files import fsync_folder, write_atomically
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.exchange import (
    EXPORT_FORMATS,
    TRAINER_SCALES,
    ExportSet,
    TrainingSet,
    entry_names,
    option_files,
    patch_size,
    write_kair_kernels,
)
from degrade.wording import counted
from pipelines.shared.folder_kinds import claim_folder
from pipelines.shared.pool_of_pairs import open_pool_of_pairs
from pipelines.shared.reports import Fact

__all__ = ["EXPORT_MARK", "add_kernels", "finish_export", "require_entries"]

EXPORT_MARK = "export.json"
"""Written last: a folder that has it holds a complete export."""

_OPTIONS = "options"


def finish_export(
    work: Path,
    out: Path,
    exported: ExportSet,
    run: Mapping[str, Any],
    settings: Mapping[str, Any],
    pool: Path | None,
) -> list[Fact]:
    """Move what is in ``work`` into ``out`` and write option files, kernels and the mark.

    Parameters
    ----------
    work, out : Path
    exported : ExportSet
    run : mapping
        The run that made the pairs.
    settings : mapping
        The export's own.
    pool : Path or None
        Where the pool of the pairs is now.

    Returns
    -------
    list of Fact
        What is to be said of it.

    Raises
    ------
    DegradeError
        The disk is full or fails.
    """
    with writing(out, 0):
        for left_over in out.glob(f"{_OPTIONS}/*.tmp"):  # of a run that was killed while writing
            left_over.unlink(missing_ok=True)
    names = entry_names(exported)
    for name in names:
        # What is not in the working folder was moved before an earlier run was interrupted.
        with writing(out / name, 0):
            if (work / name).exists():
                (work / name).rename(out / name)
    shown = names if len(names) < 5 else (names[0], "…", names[-1])
    facts = [
        Fact(
            "files", f"{printable(out)}: {', '.join(shown)}", {"out": str(out), "files": [*names]}
        ),
        *_write_kernels(out, exported, pool or run.get("pool")),
        *_write_options(out, exported),
    ]
    require_entries(out, exported)
    with writing(out, 0):
        fsync_folder(out)
    content = {"settings": settings, "entries": names}
    write_atomically(out / EXPORT_MARK, json.dumps(content, indent=1, sort_keys=True).encode())
    shutil.rmtree(work, ignore_errors=True)
    return facts


def require_entries(out: Path, exported: ExportSet) -> None:
    """Raise CorruptDataError when a file or folder of a complete export is missing."""
    for name in entry_names(exported):
        if not (out / name).exists():
            raise CorruptDataError(
                f"{printable(out / name)}: is missing from the export; delete the folder and "
                "export again"
            )


def add_kernels(out: Path, exported: ExportSet, place: Any) -> list[Fact]:
    """Do for a complete export without its kernels what :func:`_write_kernels` does."""
    name = EXPORT_FORMATS[exported.format].kernels
    is_there = name is not None and (out / name).exists()
    return [] if is_there else _write_kernels(out, exported, place)


def _write_kernels(out: Path, exported: ExportSet, place: Any) -> list[Fact]:
    """Write the kernels that the pairs were made with, or say why not.

    Parameters
    ----------
    out : Path
    exported : ExportSet
        Of any format; only KAIR's has such a file.
    place : Any
        The pool's folder, as far as it is known.

    Raises
    ------
    DegradeError
        The disk is full or fails.
    """
    name = EXPORT_FORMATS[exported.format].kernels
    if name is None:
        return []
    ids = sorted({record.plan.kernel_id for record in exported.records if record.plan})
    if not ids or place is None:
        words = f"no {name}: the pairs were imported, their kernels are not known"
        return [Fact("no_kernels", words)]
    try:
        pool = open_pool_of_pairs(Path(str(place)))
        kernels = [pool.read_kernel(id) for id in ids]
    except DegradeError as error:
        words = f"no {name}: {error}, and export again"
        return [Fact("no_kernels", words)]
    write_kair_kernels(out / name, kernels)
    words = f"{name}: {counted(len(ids), 'kernel')}, flipped as KAIR has them"
    return [Fact("kernels", words, {"kernels": len(ids)})]


def _write_options(out: Path, exported: ExportSet) -> list[Fact]:
    """Write the option files of the format's trainers."""
    row = EXPORT_FORMATS[exported.format]
    if not row.trainers:
        return []
    if exported.scale not in TRAINER_SCALES:
        words = f"no option files: the trainers have no network for ×{exported.scale}"
        return [Fact("no_options", words)]
    root = out.resolve()
    hr, lr = entry_names(exported)[:2]
    smallest = min(exported.records, key=lambda record: min(record.hr_shape[:2]))
    side = min(smallest.hr_shape[:2])
    data = TrainingSet(
        name=exported.name,
        hr=root / hr,
        lr=root / lr,
        scale=exported.scale,
        patch=patch_size(exported.scale, side),
        pair_list=None if row.pair_list is None else root / row.pair_list,
    )
    try:
        files = option_files(exported.format, data)
    except InvalidValueError as error:
        return [Fact("no_options", f"no option files: {error}")]
    claim_folder(out / _OPTIONS, EXPORT_MARK)
    for file in files:
        write_atomically(out / _OPTIONS / file.name, file.text.encode())
    written = [file.name for file in files]
    facts = [Fact("options", f"{_OPTIONS}/: {', '.join(written)}", {"files": written})]
    if data.patch < 64 and exported.hr_size is None:
        words = (
            f"the trainers' patches are only {data.patch} HR pixels: {smallest.key} has a side of "
            f"{side}; build the pairs without such small photos for larger ones"
        )
        facts.append(Fact("small_patches", words, {"patch": data.patch, "key": smallest.key}))
    return facts
