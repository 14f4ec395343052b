"""The page of pairs: some of them with a slider, what all are made of, what is damaged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from degrade.errors import CorruptDataError, DegradeError, line_of
from degrade.images.image_io import encode_png
from degrade.images.sources import Reject
from degrade.pairs import PairReader, PairRecord, open_pairs
from degrade.pairs.shards import check_sizes, read_sidecar, sidecar_indices
from degrade.pairs.sidecar import Sidecar
from degrade.wording import counted, most_first
from pipelines.pairs.inspect_pairs import count_pairs
from pipelines.reporting.common import Told, reject_section, words_of
from pipelines.shared.job import Job
from pipelines.shared.reports import read_rejects
from report.page.budget import PICTURES, even_choice, fitting
from report.page.charts import bars
from report.page.contents import Block, Column, Compared, Picture, Row, Section, Table
from report.pair_views import view_pair

__all__ = ["tell_pairs"]

_MOST_COMPARED = 24
_ROWS = 4_000_000


def tell_pairs(path: Path, job: Job, share: float) -> Told:
    """Gather what a folder of pairs holds; what is damaged goes to the job's rejects, too.

    Raises
    ------
    DegradeError
        There are no pairs, or none whose records can be read.
    """
    before = len(job.rejects)
    with _open_sound(path, job) as reader:
        found = count_pairs(reader)
        *made_of, head = found.lines()
        compared = _compared(reader, job, share)
        blocks: list[Block] = [words_of(made_of)] if made_of else []
        sizes = most_first(found.sizes)
        if len(sizes) > 1:
            blocks.append(bars("HR sizes", sizes, below="pairs"))
        steps = Counter(
            step.kind for record in reader.records if record.plan for step in record.plan.steps
        )
        if steps:
            blocks.append(bars("Steps of the plans", most_first(steps), below="pairs"))
        rows = tuple(_row(record) for record in reader.records)
    damaged = job.rejects[before:]
    columns = Column("key", "name"), Column("HR"), Column("LR"), Column("plan", "words")
    table = fitting(Table("All pairs", columns, rows), rows=int(share * _ROWS))
    sections = [
        *reject_section(damaged, "Damaged", share),
        Section("Pairs compared", tuple(compared), _how_many(len(compared), len(rows))),
        Section("What they are made of", tuple(blocks)),
        Section("Plans", (table,)),
        *reject_section(read_rejects(path), "Photos refused", share, "By the last run."),
    ]
    return Told(words_of([head]).lines, tuple(s for s in sections if s.blocks))


def _open_sound(path: Path, job: Job) -> PairReader:
    """Open pairs; where a shard is damaged, the others, and it is named."""
    try:
        return open_pairs(path, allow_partial=True)
    except CorruptDataError as error:
        sidecars: list[Sidecar] = []
        for index in sidecar_indices(path):
            try:
                sidecar = read_sidecar(path, index)
                check_sizes(path, sidecar)
            except DegradeError as damage:
                job.rejects.append(Reject(str(path), str(damage)))
                continue
            if sidecars and (sidecar.format, sidecar.scale) != (
                sidecars[0].format,
                sidecars[0].scale,
            ):
                job.rejects.append(Reject(str(path), f"shard {index} is of another set"))
            else:
                sidecars.append(sidecar)
        if not sidecars:
            raise
        if not job.rejects:
            job.rejects.append(Reject(str(path), str(error)))
        return PairReader(path, sidecars, {})


def _how_many(shown: int, total: int) -> str:
    return (
        f"The middle of {counted(shown, 'pair')} of {total}, an even choice: LR enlarged by "
        "bicubic interpolation on the left, HR on the right. Move the line with the slider, its "
        "arrow keys, or on the picture."
    )


def _compared(reader: PairReader, job: Job, share: float) -> list[Compared]:
    """Return as many pairs as there is room for."""
    numbers = even_choice(range(len(reader)), _MOST_COMPARED)
    # In an order in which a beginning is spread over all.
    order = sorted(range(len(numbers)), key=lambda n: f"{n:06b}"[::-1])
    room = int(share * PICTURES)
    found: dict[int, Compared] = {}
    for done, place in enumerate(order, 1):
        number = numbers[place]
        try:
            made = _compare(reader, number)
        except CorruptDataError as error:
            job.rejects.append(Reject(str(reader.folder), str(error)))
            continue
        finally:
            job.progress(done, len(order))
        room -= sum(len(part.png) * 4 // 3 for part in (made.before, made.after))
        if room < 0 and found:
            break
        found[number] = made
    job.progress(len(order), len(order))
    return [found[number] for number in sorted(found)]


def _compare(reader: PairReader, number: int) -> Compared:
    record, view = reader.records[number], view_pair(reader, number)
    height, width = view.hr.shape[:2]
    before, after = (
        Picture(encode_png(pixels, level=9), width, height, f"{what} of {record.key}")
        for what, pixels in (("LR enlarged", view.bicubic), ("HR", view.hr))
    )
    lines = [*record.plan.lines()] if record.plan else ["imported: not made by a plan"]
    title = f"{record.key}: bicubic {view.psnr:.2f} dB"
    return Compared(title, before, after, words_of(lines).lines)


def _row(record: PairRecord) -> Row:
    hr, lr = (f"{width}×{height}" for height, width, _ in (record.hr_shape, record.lr_shape))
    plan = "imported" if record.plan is None else "; ".join(s.words() for s in record.plan.steps)
    return Row((record.key, hr, lr, line_of(plan)))
