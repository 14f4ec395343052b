"""The page of a training: its curves, its scores, a picture of its progress, its settings."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from degrade.disk.files import read_file
from degrade.disk.journal import Journal
from degrade.errors import CorruptDataError, DegradeError, InputError, printable
from degrade.images.image_io import decode_photo
from degrade.images.sources import Reject
from degrade.wording import byte_text, counted
from pipelines.reporting.common import Told, reject_section, words_of
from pipelines.shared.job import Job
from pipelines.shared.reports import read_rejects
from pipelines.training.file_names import LOG_FILE, PREVIEW, RUN_FILE, SCORES_FILE
from report.page.charts import Line, lines
from report.page.contents import Block, Chart, Picture, Section

__all__ = ["tell_training"]

_MOST_CURVES = 24
_LARGEST_PREVIEW = 2_000_000
_MANY_TIMES = 20.0

_Curves = dict[str, tuple[list[float], list[float]]]


def tell_training(path: Path, job: Job, share: float) -> Told:
    """Gather what a training has logged, stage by stage.

    Raises
    ------
    DegradeError
        Its record is damaged.
    """
    record = _read_record(path / RUN_FILE)
    stages = record.get("stages")
    folders = [path]
    if isinstance(stages, list):
        folders = [path / f"{number}-{name}" for number, name in enumerate(stages, 1)]
    head: list[str] = []
    sections: list[Section] = []
    for number, folder in enumerate(folders, 1):
        name = folder.name if len(folders) > 1 else ""
        try:
            told = _tell_stage(folder, name, int(share * _LARGEST_PREVIEW))
        except DegradeError as error:
            job.rejects.append(Reject(str(folder), str(error)))
            continue
        head += told.lines
        sections += told.sections
        job.progress(number, len(folders))
    sections += reject_section(read_rejects(path), "Refused", share, "By the last run.")
    return Told(tuple(head), tuple(sections))


def _read_record(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(path))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CorruptDataError(f"{printable(path)} is damaged or another program's")
    return found


def _tell_stage(folder: Path, name: str, room: int) -> Told:
    prefix = f"{name}: " if name else ""
    if not (folder / RUN_FILE).exists():
        return Told((f"{prefix}not begun",), ())
    record = _read_record(folder / RUN_FILE)
    losses, steps, lost = _curves(folder / LOG_FILE)
    scores, _, _ = _curves(folder / SCORES_FILE)
    head = f"{prefix}{counted(steps, 'step')}"
    head += f" by the preset {record['preset']}" if record.get("preset") else ""
    if "pixel" in losses:
        head += f", pixel loss {losses['pixel'][1][-1]:.4g}"
    for score, (_, values) in scores.items():
        head += f", {score} {values[-1]:.4g} at last"
    if lost:
        head += f"; {counted(lost, 'step')} without a finite value"
    sections = []
    if losses:
        sections.append(Section(f"{prefix}Training", tuple(_charts(losses))))
    if scores:
        sections.append(Section(f"{prefix}Validation", tuple(_charts(scores))))
    pictures, note = _preview(folder / PREVIEW, room)
    if pictures or note:
        sections.append(Section(f"{prefix}Preview", tuple(pictures), note))
    settings = [f"{key}: {json.dumps(value)}" for key, value in sorted(record.items())]
    sections.append(Section(f"{prefix}Settings", (words_of(settings, "All settings"),)))
    return Told((head,), tuple(sections))


def _curves(path: Path) -> tuple[_Curves, int, int]:
    """Return the finite values of a log by name, its last step, and how many steps lack one."""
    curves: _Curves = defaultdict(lambda: ([], []))
    last, lost = 0, 0
    for record in Journal(path).read():
        step = record.get("step") if isinstance(record, dict) else None
        if not isinstance(step, int) or isinstance(step, bool):
            continue
        last = max(last, step)
        values = {k: v for k, v in record.items() if k != "step"}
        lost += any(value is None for value in values.values())
        for name, value in values.items():
            if isinstance(value, int | float) and math.isfinite(value):
                x, y = curves[name]
                x.append(float(step))
                y.append(float(value))
    return dict(curves), last, lost


def _charts(curves: _Curves) -> list[Chart]:
    charts = []
    for name, (x, y) in list(curves.items())[:_MOST_CURVES]:
        is_log = min(y) > 0 and max(y) > _MANY_TIMES * min(y)
        charts.append(lines(name, {name: Line(x, y)}, below="step", log=is_log))
    return charts


def _preview(path: Path, room: int) -> tuple[list[Block], str]:
    """Return the picture of LR, bicubic, SR and HR, or why it is left out."""
    if not path.is_file():
        return [], ""
    data = read_file(path)
    if len(data) > room:
        return [], f"Left out: {path.name} has {byte_text(len(data))}."
    try:
        height, width = decode_photo(data, path).pixels.shape[:2]
    except InputError:
        height = width = 0
    if not height or not data.startswith(b"\x89PNG"):
        return [], f"{path.name} is damaged."
    return [Picture(data, width, height, "LR, bicubic, SR and HR, side by side")], ""
