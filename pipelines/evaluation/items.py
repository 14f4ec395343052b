"""What is compared with what: results matched with HR by name, or pairs and the models on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from degrade.errors import DegradeError, as_typed, printable
from degrade.field_names import parse_name
from degrade.geometry import border_of
from degrade.images.sources import SourceFile, find_images
from degrade.wording import counted
from pipelines.evaluation.settings import EvaluateConfig
from pipelines.pairs.image_matching import Matching, MatchRules, OtherSide, match_images
from pipelines.pairs.name_endings import common_template
from pipelines.shared.finding_photos import is_same_place, no_photo_error, scan_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["DEFAULT_BORDER", "ImageRef", "Item", "PairRef", "Reference", "match_results"]

DEFAULT_BORDER = 4
"""Where nothing states a scale: that of most results."""

_SR_SIDE = OtherSide("SR", "`sr_name={name}_x4`")


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image file, as it was scanned."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class PairRef:
    """A pair in a folder of pairs."""

    folder: Path
    number: int


Reference: TypeAlias = ImageRef | PairRef


@dataclass(frozen=True, slots=True)
class Item:
    """An HR image and what is compared with it.

    Attributes
    ----------
    name : str
        For people and tables.
    hr : Reference
    results : tuple of ImageRef or None
        One for each set of results; None: it has none for this image. Of pairs: empty, the models
        make them.
    """

    name: str
    hr: Reference
    results: tuple[ImageRef | None, ...] = ()


def match_results(job: Job, config: EvaluateConfig) -> tuple[list[Item], int]:
    """Match each folder of results with HR by name.

    Returns
    -------
    items : list of Item
        By name; those that have at least one result.
    border : int
        The setting, or the scale that most names state.

    Raises
    ------
    DegradeError
        There is no image, or none has a result.
    """
    for path in config.sr:
        if is_same_place(path, config.hr):
            raise DegradeError(
                f"{printable(path)} was given for HR and for results: nothing to compare"
            )
    hr, broken_hr = _scanned(job, config.hr, config.max_pixels)
    hr = _without_lr(job, hr)
    found: dict[Path, list[ImageRef | None]] = {}
    scales: Counter[int] = Counter()
    for number, path in enumerate(config.sr):
        results, broken = _scanned(job, path, config.max_pixels)
        matching = _match(job, path, hr, results, config, (broken_hr, broken))
        job.rejects += matching.rejects
        for pair in matching.matched:
            row = found.setdefault(pair.hr.path, [None] * len(config.sr))
            row[number] = ImageRef(pair.lr.path, pair.lr.sha256)
            stated = pair.stated or parse_name(pair.lr.name).scale
            if stated is not None:
                scales[border_of(stated)] += 1
    items = [
        Item(photo.name, ImageRef(photo.path, photo.sha256), tuple(found[photo.path]))
        for photo in hr
        if photo.path in found
    ]
    if not items:
        reason = f": {job.rejects[0]}" if job.rejects else ""
        raise DegradeError(f"no result has an HR image of its name{reason}")
    usual = max(scales, key=lambda scale: (scales[scale], -scale), default=DEFAULT_BORDER)
    return items, usual if config.border is None else config.border


def _scanned(
    job: Job, source: Path, max_pixels: int
) -> tuple[list[ScannedPhoto], list[SourceFile]]:
    """Return the images of a source, and those that are there and cannot be used."""
    files, missing = find_images([source])
    job.tell_passed_over([source])
    photos, unreadable = scan_photos(files, max_pixels=max_pixels)
    if not photos:
        raise no_photo_error([source], [*missing, *unreadable])
    job.rejects += [*missing, *unreadable]
    paths = {reject.path for reject in unreadable}
    return photos, [file for file in files if str(file.path) in paths]


def _without_lr(job: Job, photos: Sequence[ScannedPhoto]) -> list[ScannedPhoto]:
    """Leave out LR images that lie beside HR ones whose names say so."""
    sides = {photo.path: parse_name(photo.name).side for photo in photos}
    if "hr" not in sides.values():
        return list(photos)
    kept = [photo for photo in photos if sides[photo.path] != "lr"]
    if left := len(photos) - len(kept):
        words = f"passed over, LR by their names: {counted(left, 'image')}"
        job.found("passed_over_lr", words, images=left)
    return kept


def _match(
    job: Job,
    path: Path,
    hr: Sequence[ScannedPhoto],
    results: Sequence[ScannedPhoto],
    config: EvaluateConfig,
    broken: tuple[Sequence[SourceFile], Sequence[SourceFile]],
) -> Matching:
    stated = parse_name(f"{path.resolve().name}/any").scale

    side = replace(_SR_SIDE, where=printable(path)) if len(config.sr) > 1 else _SR_SIDE

    def match(template: str | None) -> Matching:
        rules = MatchRules(stated=stated, lr_name=side.called(template), other=side)
        return match_images(hr, results, rules, unusable_hr=broken[0], unusable_lr=broken[1])

    matching = match(config.sr_name)
    if matching.matched or config.sr_name is not None:
        return matching
    template = common_template(hr, results)
    if template is None:
        return matching
    again = match(template)
    if not again.matched:
        return matching
    words = f"{printable(path)}: results are called {printable(template)}"
    job.found("called", words, template=template, setting=as_typed(template))
    return again
