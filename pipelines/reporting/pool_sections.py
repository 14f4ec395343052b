"""The page of a pool: kernels, noise, the photos and their history, and what was refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from degrade.degradation.index import MATCHED
from degrade.images.image_io import encode_png
from degrade.images.sources import Reject
from degrade.kernels import crop_or_pad_kernel
from degrade.pool import DegradationPool, KernelRecord, MeasurementRecord
from degrade.wording import counted, most_first
from pipelines.measuring.noise_findings import PhotoFindings
from pipelines.measuring.noise_statistics import statistics_in
from pipelines.pool.fingerprints import cameras_of
from pipelines.pool.inspect_pool import (
    PoolInspection,
    inspect_pool,
    measured_words,
    noise_groups,
)
from pipelines.reporting.common import Told, reject_section, words_of
from pipelines.reporting.outliers import outliers
from pipelines.reporting.photo_sections import HISTORY_KINDS, history_section
from pipelines.shared.job import Job
from pipelines.shared.reports import read_rejects
from pipelines.shared.speech import said
from report.colours import signed_colours
from report.page.budget import PICTURES, fitting
from report.page.charts import Line, bars, lines, points
from report.page.contents import Block, Chart, Column, Row, Section, Table

__all__ = ["tell_pool"]

_KERNEL_ROWS, _NOISE_ROWS, _OTHER_ROWS = 1_500_000, 600_000, 400_000
"""Bytes of tables."""

_MOST_SIDE = 41
"""Taps of a kernel that its small picture shows."""

_MOST_CAMERAS = 6


def tell_pool(path: Path, job: Job, share: float) -> Told:
    """Gather what a pool holds; what is damaged goes to the job's rejects, too.

    Raises
    ------
    DegradeError
        As :func:`pipelines.pool.inspect_pool.inspect_pool`.
    """
    found = inspect_pool(path)
    pool = found.pool
    job.rejects += [Reject(str(path), problem) for problem in found.problems]
    *_, head = found.lines()
    cameras = cameras_of(pool)
    sections = [
        *_kernel_section(found, cameras, job, share),
        *_noise_section(pool, cameras, share),
        *history_section(pool, cameras, share),
        *_refused_section(pool, share),
        *_other_section(pool, share),
    ]
    if path.is_dir():
        sections += reject_section(
            read_rejects(path), "Photos refused", share, "By the last run that filled the pool."
        )
    return Told(words_of([head]).lines, tuple(sections))


def _kernel_section(
    found: PoolInspection, cameras: Mapping[str, str], job: Job, share: float
) -> list[Section]:
    pool = found.pool
    records = sorted(found.kernels, key=lambda k: (k.scale, k.provenance.source_name, k.id))
    if not records:
        return []
    apart = _apart(found, cameras)
    rows = tuple(_kernel_row(found, record, apart.get(record.id, "")) for record in records)
    columns = (
        Column("photo", "name"),
        Column("marks", "marks"),
        Column("scale"),
        Column("narrowest σ, HR px", "number"),
        Column("widest σ, HR px", "number"),
        Column("confidence", "number"),
        Column("expected dB", "number"),
        Column("taps", "number"),
        Column("method"),
        Column("id"),
    )
    total = len(records)
    drawn = 0
    side = min(max(record.size for record in records), _MOST_SIDE)
    moved = _moved_kernels(pool, records)
    share /= 2 if moved else 1

    def picture(number: int) -> bytes:
        nonlocal drawn
        drawn += 1
        job.progress(min(drawn, total), total)
        return _kernel_picture(found, records[number].id, side)

    table = fitting(
        Table("All kernels", columns, rows, pictures="kernel"),
        rows=int(share * _KERNEL_ROWS),
        pictures=int(share * PICTURES),
        picture_of=picture,
    )
    job.progress(total, total)
    marks = sum(bool(row.cells[1]) for row in rows)
    earlier = len(pool.kernels) - total
    note = (
        f"{counted(marks, 'kernel')} of {len(rows)} marked. Pictures of {side}×{side} HR pixels, "
        "each up to its own peak, blue above zero, orange below. An outlier's width is far from "
        "those of its camera and scale."
    )
    note += f" Left out: {earlier} of earlier matches, which nothing draws." if earlier else ""
    blocks: list[Block] = [*_width_charts(found), table]
    blocks += [_camera_table(found, moved, side, share)] if moved else []
    blocks += [words_of(legend, "What the marks mean")] if (legend := found.legend()) else []
    return [Section("Kernels", tuple(blocks), note)]


def _kernel_row(found: PoolInspection, record: KernelRecord, apart: str) -> Row:
    known = record.provenance
    wide, narrow = found.sigmas.get(record.id, (None, None))
    marks = [found.marks(record)] if record.id in found.sigmas else ["damaged"]
    marks += [f"outlier: {apart} than the others"] if apart else []
    return Row(
        (
            known.source_name,
            "; ".join(filter(None, marks)),
            f"×{record.scale}",
            narrow,
            wide,
            known.values.get("confidence"),
            known.values.get("expected_kpsnr"),
            record.size,
            known.method,
            record.id[:12],
        )
    )


def _moved_kernels(
    pool: DegradationPool, records: Sequence[KernelRecord]
) -> list[tuple[KernelRecord, MeasurementRecord]]:
    """Return the kernels that were moved towards their camera's, with what came of them."""
    moved = pool.moved_kernels
    return [(record, moved[record.id]) for record in records if record.id in moved]


def _camera_table(
    found: PoolInspection,
    moved: Sequence[tuple[KernelRecord, MeasurementRecord]],
    side: int,
    share: float,
) -> Table:
    """Tell what kernels became when they were moved towards those of their camera."""
    ids = [made.objects[0] if made.objects else "" for _, made in moved]
    rows = []
    for (record, made), key in zip(moved, ids, strict=True):
        wide, narrow = found.sigmas.get(key, (None, None))
        rows.append(
            Row(
                (
                    record.provenance.source_name,
                    str(made.values.get("camera", "")),
                    made.values.get("camera_photos"),
                    f"×{record.scale}",
                    made.values.get("camera_share"),
                    narrow,
                    wide,
                    made.values.get("expected_kpsnr"),
                    record.id[:12],
                    key[:12],
                )
            )
        )
    columns = (
        Column("photo", "name"),
        Column("camera", "name"),
        Column("its photos", "number"),
        Column("scale"),
        Column("moved, of the way", "number"),
        Column("narrowest σ, HR px", "number"),
        Column("widest σ, HR px", "number"),
        Column("expected dB", "number"),
        Column("id of its own"),
        Column("id"),
    )
    return fitting(
        Table("Moved towards those of their camera", columns, tuple(rows), pictures="kernel"),
        rows=int(share * _KERNEL_ROWS),
        pictures=int(share * PICTURES),
        picture_of=lambda number: _kernel_picture(found, ids[number], side),
    )


def _apart(found: PoolInspection, cameras: Mapping[str, str]) -> dict[str, str]:
    """Return the kernels whose widest σ is far from those of the same camera and scale.

    Those of a match are compared with each other.
    """
    groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for record in found.kernels:
        if record.id in found.sigmas and found.sigmas[record.id][0] > 0:
            camera = cameras.get(record.provenance.source_sha256 or "", "")
            groups[str(record.scale), camera, _is_matched(record)].append(record.id)
    apart: dict[str, str] = {}
    for keys in groups.values():
        of_group = outliers([found.sigmas[key][0] for key in keys])
        apart |= {keys[number]: how for number, how in of_group.items()}
    return apart


def _is_matched(record: KernelRecord) -> bool:
    return record.provenance.method == MATCHED


def _width_charts(found: PoolInspection) -> list[Chart]:
    """Draw the widths of kernels, those that are marked apart."""
    groups: dict[str, tuple[list[float], list[float]]] = {}
    for record in found.kernels:
        if record.id not in found.sigmas:
            continue
        wide, narrow = found.sigmas[record.id]
        name = "marked" if found.marks(record) else "not marked"
        name = "of the match" if _is_matched(record) else name
        x, y = groups.setdefault(name, ([], []))
        x.append(narrow)
        y.append(wide)
    shown = dict(sorted(groups.items(), reverse=True))
    words = {"below": "narrowest σ, HR pixels", "beside": "widest σ, HR pixels"}
    return [points("Widths of the kernels", shown, **words)] if shown else []


def _kernel_picture(found: PoolInspection, kernel_id: str, side: int) -> bytes:
    """Return the middle of a kernel as PNG; nothing of a damaged one."""
    if kernel_id not in found.sigmas:
        return b""
    weights = crop_or_pad_kernel(found.pool.read_kernel(kernel_id).weights, side)
    peak = float(np.abs(weights).max()) or 1.0
    # Few shades pack well, and nobody sees more of them in so small a picture.
    return encode_png(signed_colours(np.round(weights / peak * 24) / 24), level=9)


def _noise_section(
    pool: DegradationPool, cameras: Mapping[str, str], share: float
) -> list[Section]:
    blocks: list[Block] = []
    if pool.noise:
        by_camera: dict[str, tuple[list[float], list[float]]] = {}
        for record in pool.noise:
            name = cameras.get(record.provenance.source_sha256 or "", "camera not known")
            x, y = by_camera.setdefault(name, ([], []))
            x.append(record.brightness)
            y.append(float(np.sqrt(record.variance)))
        groups = dict(sorted(by_camera.items(), key=lambda item: -len(item[1][0]))[:_MOST_CAMERAS])
        axes = {"below": "brightness, 8-bit levels", "beside": "σ of noise, levels"}
        blocks.append(points("Noise of the patches, by brightness", groups, **axes))
    blocks += _model_charts(pool)
    if pool.noise:
        columns = (
            Column("photo", "name"),
            Column("patches", "number"),
            Column("pixels a side", "number"),
            Column("least variance", "number"),
            Column("most variance", "number"),
            Column("darkest", "number"),
            Column("brightest", "number"),
            Column("JPEG grid"),
            Column("marks", "marks"),
        )
        rows = tuple(
            Row(
                (
                    group.name,
                    group.count,
                    group.size,
                    *group.variances,
                    *group.levels,
                    "known" if group.on_grid else "",
                    f"flagged: {', '.join(group.flags)}" if group.flags else "",
                )
            )
            for group in noise_groups(pool)
        )
        table = Table("Noise patches by photo", columns, rows)
        blocks.append(fitting(table, rows=int(share * _NOISE_ROWS)))
    return [Section("Noise by brightness", tuple(blocks))] if blocks else []


def _model_charts(pool: DegradationPool) -> list[Chart]:
    """Draw the noise that was measured for models: green's σ by its level, photo by photo."""
    by_camera: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in pool.measurements:
        known = statistics_in(record.values) if record.kind == "noise-model" else None
        if known is not None:
            table = known.table()
            found = zip(table.means[:, 1], np.sqrt(table.variances[:, 1]), strict=True)
            by_camera[known.camera or "camera not known"] += [
                (float(a), float(b)) for a, b in found
            ]
    if not by_camera:
        return []
    shown = sorted(by_camera.items(), key=lambda item: -len(item[1]))[:_MOST_CAMERAS]
    curves = {}
    for name, pairs in shown:
        levels, sigmas = np.array(sorted(pairs)).T
        curves[name] = Line(*_by_level(levels, sigmas))
    title = "Noise in flat parts of photos: medians"
    below, beside = "level of green, 8 bits", "σ of noise, levels"
    return [lines(title, curves, below=below, beside=beside)]


def _by_level(
    levels: np.ndarray, sigmas: np.ndarray
) -> tuple[list[float], list[float], tuple[list[float], list[float]]]:
    """Return median and quartiles of σ in sixteen equal ranges of level."""
    x, y, low, high = [], [], [], []
    for edge in range(0, 256, 16):
        inside = sigmas[(levels >= edge) & (levels < edge + 16)]
        if len(inside):
            least, middle, most = np.quantile(inside, (0.25, 0.5, 0.75))
            x.append(edge + 8.0)
            y.append(float(middle))
            low.append(float(least))
            high.append(float(most))
    return x, y, (low, high)


def _refused_section(pool: DegradationPool, share: float) -> list[Section]:
    """Tell why positions of photos gave no noise patch."""
    names = pool.photo_names
    total: Counter[str] = Counter()
    rows = []
    for record in pool.measurements:
        found = PhotoFindings.from_record(record) if record.kind == "noise" else None
        if found is None:
            continue
        total.update(found.refused)
        name = names.get(record.photo, record.photo[:16])
        reasons = ", ".join(f"{gate} {count}" for gate, count in most_first(found.refused))
        marks = "JPEG blocks" if found.is_blocky else ""
        more = found.wanted if not found.kept else None
        rows.append(Row((name, found.positions, found.kept, reasons, more, marks)))
    if not rows:
        return []
    columns = (
        Column("photo", "name"),
        Column("positions", "number"),
        Column("kept", "number"),
        Column("refused as", "words"),
        Column("variance that would find some", "number"),
        Column("marks", "marks"),
    )
    rows.sort(key=lambda row: str(row.cells[0]))
    table = fitting(
        Table("Search for noise by photo", columns, tuple(rows)), rows=int(share * _NOISE_ROWS)
    )
    chart = bars("Positions refused, by the gate they failed first", most_first(total))
    blocks: tuple[Block, ...] = (chart, table) if total.total() else (table,)
    return [Section("Why noise patches were refused", blocks)]


def _of_whom(found: MeasurementRecord, names: Mapping[str, str]) -> str:
    """Return the photo's name; a match is of many photos, and the latest."""
    return "the latest" if found.kind == MATCHED else names.get(found.photo, found.photo[:16])


def _other_section(pool: DegradationPool, share: float) -> list[Section]:
    """Tell of measurements that no other section tells of."""
    told = {*HISTORY_KINDS, "noise-model", "likeness"}
    names = pool.photo_names
    rows = tuple(
        Row((_of_whom(m, names), m.kind, said(measured_words(m))))
        for m in sorted(pool.measurements, key=lambda m: (m.kind, names.get(m.photo, "")))
        if m.objects is None and m.kind not in told
    )
    if not rows:
        return []
    columns = Column("photo", "name"), Column("measurement"), Column("found", "words")
    table = fitting(Table("Measurements", columns, rows), rows=int(share * _OTHER_ROWS))
    return [Section("What else was measured", (table,))]
