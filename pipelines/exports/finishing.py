"""The end of an export: move it into place, and write what goes with it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.disk.failures import writing
from degrade.disk.files import fsync_folder, make_folder, publish
from degrade.disk.processes import is_temporary
from degrade.disk.results import is_taken, refuse_taken, write_new
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.exchange import (
    EXPORT_FORMATS,
    TRAINER_SCALES,
    ExportSet,
    TrainingSet,
    encode_kair_kernels,
    entry_names,
    option_files,
    patch_size,
)
from degrade.wording import counted
from pipelines.exports.writing import PROGRESS_FILE
from pipelines.shared.pool_of_pairs import open_pool_of_pairs
from pipelines.shared.reports import Fact

__all__ = [
    "EXPORT_MARK",
    "Beside",
    "add_kernels",
    "clear_work",
    "finish_export",
    "plan_beside",
    "require_entries",
    "require_free",
]

EXPORT_MARK = "export.json"
"""Written last: a folder that has it holds a complete export."""

_OPTIONS = "options"
_REMEDY = "choose another folder"


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with an export, known before it begins: files by name, and what is said of them."""

    files: Mapping[str, bytes]
    facts: list[Fact]


def require_free(out: Path, names: Sequence[str], beside: Beside) -> None:
    """Refuse, DegradeError, to begin where something else has the name of an entry or a file.

    Parameters
    ----------
    out : Path
    names : sequence of str
        The entries that are not in ``out`` yet.
    beside : Beside
        A file that is there already with these bytes is in nobody's way.
    """
    taken = [out / name for name in names if os.path.lexists(out / name)]
    taken += [out / name for name, data in beside.files.items() if is_taken(out / name, data)]
    options = out / _OPTIONS
    if os.path.lexists(options) and (options.is_symlink() or not options.is_dir()):
        taken = [*(path for path in taken if path.parent != options), options]
    refuse_taken(taken, _REMEDY)


def finish_export(
    work: Path, out: Path, exported: ExportSet, settings: Mapping[str, Any], beside: Beside
) -> list[Fact]:
    """Move what is in ``work`` into ``out`` and write what goes with it, and the mark.

    Parameters
    ----------
    work, out : Path
    exported : ExportSet
    settings : mapping
        The export's own.
    beside : Beside

    Returns
    -------
    list of Fact
        What is to be said of it.

    Raises
    ------
    DegradeError
        Something has got the name of an entry or a file meanwhile, or the disk is full or fails.
    """
    names = entry_names(exported)
    for name in names:
        # What is not in the working folder was moved before an earlier run was interrupted.
        with writing(out / name, 0):
            if (work / name).exists():
                _move(work / name, out / name)
    shown = names if len(names) < 5 else (names[0], "…", names[-1])
    words = f"{printable(out)}: {', '.join(shown)}"
    facts = [Fact("files", words, {"out": str(out), "files": [*names]}), *beside.facts]
    _write_beside(out, beside)
    require_entries(out, exported)
    with writing(out, 0):
        fsync_folder(out)
    content = {"settings": settings, "entries": names}
    mark = json.dumps(content, indent=1, sort_keys=True).encode()
    write_new(out / EXPORT_MARK, mark, remedy=_REMEDY)
    clear_work(work)
    return facts


def _move(path: Path, target: Path) -> None:
    """Move a file or folder; nothing gives way to it, at most an empty folder."""
    if path.is_dir() and not os.path.lexists(target):
        path.rename(target)
        return
    try:
        publish(path, target, replace=False)
    except FileExistsError:
        refuse_taken([target], _REMEDY)


def clear_work(work: Path) -> None:
    """Remove a working folder that is done with; it stays if a person's file lies in it."""
    if work.is_symlink():
        return
    with contextlib.suppress(OSError):
        if (work / EXPORT_MARK).is_file():
            for path in work.iterdir():
                if path.name == PROGRESS_FILE or is_temporary(path.name):
                    path.unlink()
            (work / EXPORT_MARK).unlink()
        work.rmdir()  # also where a run was killed just before it did so


def _write_beside(out: Path, beside: Beside) -> None:
    for name, data in beside.files.items():
        make_folder((out / name).parent)
        write_new(out / name, data, remedy=_REMEDY)


def require_entries(out: Path, exported: ExportSet) -> None:
    """Raise CorruptDataError when a file or folder of a complete export is missing."""
    for name in entry_names(exported):
        if not (out / name).exists():
            raise CorruptDataError(
                f"{printable(out / name)}: is missing from the export; delete the folder and "
                "export again"
            )


def add_kernels(out: Path, exported: ExportSet, pool: Any) -> list[Fact]:
    """Write the kernels of a complete export that has none, or say why not.

    Raises
    ------
    DegradeError
        The disk is full or fails.
    """
    name = EXPORT_FORMATS[exported.format].kernels
    if name is None or os.path.lexists(out / name):
        return []
    kernels = _kernels(exported, pool)
    _write_beside(out, kernels)
    return kernels.facts


def plan_beside(out: Path, exported: ExportSet, pool: Any) -> Beside:
    """Return what goes with an export: KAIR's kernels, and the option files of its trainers.

    Parameters
    ----------
    out : Path
        Where the export will be; the option files name it.
    exported : ExportSet
    pool : Any
        The folder of the pool of the pairs, as far as it is known.
    """
    kernels, options = _kernels(exported, pool), _options(out, exported)
    return Beside({**kernels.files, **options.files}, [*kernels.facts, *options.facts])


def _kernels(exported: ExportSet, place: Any) -> Beside:
    """Return the kernels that the pairs were made with, or why there are none."""
    name = EXPORT_FORMATS[exported.format].kernels
    if name is None:
        return Beside({}, [])
    plans = [record.plan for record in exported.records if record.plan]
    ids = sorted({plan.kernel_id for plan in plans if plan.kernel_id})
    if not ids or place is None:
        how = "made without kernels of a pool" if plans else "imported"
        words = f"no {name}: the pairs were {how}, their kernels are not known"
        return Beside({}, [Fact("no_kernels", words)])
    try:
        pool = open_pool_of_pairs(Path(str(place)))
        kernels = [pool.read_kernel(id) for id in ids]
    except DegradeError as error:
        words = f"no {name}: {error}, and export again"
        return Beside({}, [Fact("no_kernels", words)])
    words = f"{name}: {counted(len(ids), 'kernel')}, flipped as KAIR has them"
    fact = Fact("kernels", words, {"kernels": len(ids)})
    return Beside({name: encode_kair_kernels(kernels)}, [fact])


def _options(out: Path, exported: ExportSet) -> Beside:
    """Return the option files of the format's trainers."""
    row = EXPORT_FORMATS[exported.format]
    if not row.trainers:
        return Beside({}, [])
    if not isinstance(exported.scale, int) or exported.scale not in TRAINER_SCALES:
        trainers = ", ".join(row.trainers)
        words = f"no option files: {trainers} have no network for ×{exported.scale}"
        return Beside({}, [Fact("no_options", words)])
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
        return Beside({}, [Fact("no_options", f"no option files: {error}")])
    names = [file.name for file in files]
    facts = [Fact("options", f"{_OPTIONS}/: {', '.join(names)}", {"files": names})]
    if data.patch < 64 and exported.hr_size is None:
        words = (
            f"the trainers' patches are only {data.patch} HR pixels: {smallest.key} has a side of "
            f"{side}; build the pairs without such small photos for larger ones"
        )
        facts.append(Fact("small_patches", words, {"patch": data.patch, "key": smallest.key}))
    return Beside({f"{_OPTIONS}/{file.name}": file.text.encode() for file in files}, facts)
