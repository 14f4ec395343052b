"""The page of what detect-artifacts has flagged: each area, and the most visible ones large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from degrade.arrays import U8Array
from degrade.disk.files import resolve_inside
from degrade.errors import DegradeError, InputError, printable
from degrade.images.image_io import encode_png, read_photo
from degrade.images.sources import Reject
from degrade.wording import counted
from pipelines.artifacts.table import TABLE, FoundArea, name_in_table, read_regions
from pipelines.reporting.common import Told, reject_section
from pipelines.shared.job import Job
from report.page.budget import PICTURES, fitting
from report.page.charts import histogram
from report.page.contents import Block, Column, Compared, Picture, Row, Section, Table

__all__ = ["OVERLAYS", "tell_artifacts"]

OVERLAYS = "overlays"
_ROWS = 1_500_000
_MOST_SHOWN = 24
_MARGIN, _LONGEST = 32, 480


def tell_artifacts(path: Path, job: Job, share: float) -> Told:
    """Gather what was flagged in a folder that ``degrade detect-artifacts`` has written.

    Raises
    ------
    DegradeError
        The table is damaged.
    """
    areas = read_regions(path / TABLE)
    images = {folder: _named(path / folder) for folder in (OVERLAYS, "mse")}
    broken = Counter(area.image for area in areas)
    number = counted(len(images[OVERLAYS]), "image")
    head = f"{counted(len(areas), 'area')} flagged in {len(broken)} of {number}"
    rejects = len(job.rejects)
    shown = _shown(path, areas, images, job, share)
    columns = (
        Column("rank", "number"),
        Column("image", "name"),
        Column("left", "number"),
        Column("top", "number"),
        Column("width", "number"),
        Column("height", "number"),
        Column("pixels", "number"),
        Column("visibility", "number"),
        Column("similarity", "number"),
    )
    rows = tuple(
        Row(
            (
                *(area.rank, area.image, area.left, area.top, area.width, area.height),
                *(area.area, area.visibility, area.similarity),
            )
        )
        for area in areas
    )
    sections = []
    if areas:
        seen = [area.visibility for area in areas]
        blocks: list[Block] = [histogram("Visibility", seen, below="1 − local SSIM")]
        blocks.append(fitting(Table("Areas", columns, rows), rows=int(share * _ROWS)))
        sections.append(Section("Flagged areas", tuple(blocks)))
    if shown:
        what = counted(len(shown), "area")
        note = f"The {what} that people would notice first, of {len(areas)}."
        sections.append(Section("The most visible", tuple(shown), note))
    sections += reject_section(job.rejects[rejects:], "Missing or damaged", share)
    return Told((head,), tuple(sections))


def _named(folder: Path) -> dict[str, str]:
    """Return the images below a folder by what the table calls them."""
    files = [path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.png"))]
    return {name_in_table(str(file)): str(file) for file in files}


_Images = Mapping[str, Mapping[str, str]]
"""By folder, and by what the table calls them."""


def _shown(
    path: Path, areas: Sequence[FoundArea], images: _Images, job: Job, share: float
) -> list[Block]:
    """Return pictures of areas as long as there is room, the most visible first."""
    room = int(share * PICTURES)
    found: list[Block] = []
    most = areas[:_MOST_SHOWN]
    for done, area in enumerate(most, 1):
        try:
            block = _view(path, area, images)
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        except DegradeError as error:
            job.rejects.append(Reject(str(path / TABLE), str(error)))
        else:
            parts = [block] if isinstance(block, Picture) else [block.before, block.after]
            room -= sum(len(part.png) * 4 // 3 for part in parts)
            if room < 0 and found:
                break
            found.append(block)
        job.progress(done, len(most))
    job.progress(len(most), len(most))
    return found


def _view(path: Path, area: FoundArea, images: _Images) -> Picture | Compared:
    """Return an area as it was drawn; where an MSE result of its name lies beside, over that."""
    overlay = _cut(path, OVERLAYS, area, images)
    title = f"{area.rank}. {area.image}: {area.width}×{area.height} at {area.left}, {area.top}"
    lines = f"visibility {area.visibility:.2f}, similarity {area.similarity:.2f}"
    if area.image not in images["mse"]:
        return _picture(overlay, f"{title}; {lines}")
    mse = _cut(path, "mse", area, images)
    before, after = _picture(mse, f"MSE result of {title}"), _picture(overlay, f"GAN of {title}")
    return Compared(f"{title}: MSE on the left, GAN on the right", before, after, (lines,))


def _cut(path: Path, folder: str, area: FoundArea, images: _Images) -> U8Array:
    name = images[folder].get(area.image, area.image)
    file = resolve_inside(path / folder, f"{name}.png")
    image = read_photo(file).as_u8()
    height, width = image.shape[:2]
    if area.top + area.height > height or area.left + area.width > width:
        reason = f"{width}×{height} pixels do not hold what {TABLE} says"
        raise InputError(file, reason, "run `degrade detect-artifacts` again")
    rows, columns = (
        slice(max(start - _MARGIN, 0), start + length + _MARGIN)
        for start, length in ((area.top, area.height), (area.left, area.width))
    )
    return image[rows, columns]


def _picture(image: U8Array, alt: str) -> Picture:
    height, width = image.shape[:2]
    smaller = _LONGEST / max(height, width)
    if smaller < 1:
        sides = max(round(width * smaller), 1), max(round(height * smaller), 1)
        image = np.asarray(cv2.resize(image, sides, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = image.shape[:2]
    return Picture(encode_png(np.ascontiguousarray(image), level=9), width, height, printable(alt))
