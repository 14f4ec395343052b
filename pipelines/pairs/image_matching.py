"""Which LR image belongs to which HR image, decided from names and sizes alone."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from degrade.errors import printable
from degrade.images.sources import Reject, SourceFile
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["MatchedImages", "match_images"]

# DIV2K's 0801x4, RealSR's Canon_001_LR4 and Canon_001_HR, DRealSR's DSC_1454_x4, and BasicSR's
# words GT and LQ.
_ENDING = re.compile(r"([-_]?x[1-9]|[-_](lr|lq|hr|gt)([-_]?x?[1-9])?)$", re.IGNORECASE)
_LOW_ENDING = re.compile(r"([-_]?x[1-9]|[-_](lr|lq)([-_]?x?[1-9])?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MatchedImages:
    """An HR and an LR image that belong together, and the key that their pair gets."""

    hr: ScannedPhoto
    lr: ScannedPhoto
    key: str

    @property
    def scale(self) -> int | None:
        """HR size over LR size when that is one integer of at least 2; else None."""
        scale = self.hr.height // self.lr.height
        fits = (self.hr.height, self.hr.width) == (scale * self.lr.height, scale * self.lr.width)
        return scale if fits and scale >= 2 else None

    def misfit(self, scale: int | None) -> Reject:
        """Return why the pair is not one of ``scale``."""
        wanted = "an integer of at least 2" if scale is None else str(scale)
        return Reject(
            str(self.hr.path),
            f"{self.hr.width}×{self.hr.height} is not {wanted} times the "
            f"{self.lr.width}×{self.lr.height} of {self.lr.name}",
            "crop HR to an exact multiple of LR",
        )

    def as_source(self) -> dict[str, Any]:
        """Return what a sidecar keeps of the two files."""
        return {
            "key": self.key,
            "hr_name": self.hr.name,
            "hr_sha256": self.hr.sha256,
            "lr_name": self.lr.name,
            "lr_sha256": self.lr.sha256,
        }


def match_images(
    hr: Sequence[ScannedPhoto],
    lr: Sequence[ScannedPhoto],
    *,
    unusable_hr: Sequence[SourceFile] = (),
    unusable_lr: Sequence[SourceFile] = (),
) -> tuple[list[MatchedImages], list[Reject]]:
    """Match images by name.

    Two belong together when their names, folders below the given one included and the file type
    left out, are equal; what remains is matched by the names without one of the usual endings. A
    file that is on both sides, as when one folder holds both, is LR when its ending says so.

    Parameters
    ----------
    hr, lr : sequence of ScannedPhoto
    unusable_hr, unusable_lr : sequence of SourceFile
        Images that are there and cannot be used: whoever lacks one of them is told so.

    Returns
    -------
    matched : list of MatchedImages
        By ascending key; the same two contents only once.
    rejects : list of Reject
        Images without a partner, and those of which several would do.
    """
    pairs: list[tuple[ScannedPhoto, ScannedPhoto]] = []
    rejects: list[Reject] = []
    left_hr, left_lr = _take_apart(hr, lr)
    for name_of in (_full_name, _bare_name):
        by_name: dict[str, tuple[list[ScannedPhoto], list[ScannedPhoto]]] = defaultdict(
            lambda: ([], [])
        )
        for side, photos in enumerate((left_hr, left_lr)):
            for photo in photos:
                by_name[name_of(photo)][side].append(photo)
        left_hr, left_lr = [], []
        for high, low in by_name.values():
            if len(high) == len(low) == 1:
                pairs.append((high[0], low[0]))
            elif high and low:
                rejects += [_ambiguous(photo, high, low) for photo in (*high, *low)]
            else:
                left_hr += high
                left_lr += low
    rejects += [_alone(photo, "LR", unusable_lr) for photo in left_hr]
    rejects += [_alone(photo, "HR", unusable_hr) for photo in left_lr]
    unique = {_key(high, low): MatchedImages(high, low, _key(high, low)) for high, low in pairs}
    return [unique[key] for key in sorted(unique)], rejects


def _take_apart(
    hr: Sequence[ScannedPhoto], lr: Sequence[ScannedPhoto]
) -> tuple[list[ScannedPhoto], list[ScannedPhoto]]:
    """Leave each file on one side only."""
    shared = {photo.path for photo in hr} & {photo.path for photo in lr}
    low = {path for path in shared if _LOW_ENDING.search(path.stem)}
    return (
        [photo for photo in hr if photo.path not in low],
        [photo for photo in lr if photo.path not in shared or photo.path in low],
    )


def _full_name(photo: ScannedPhoto | SourceFile) -> str:
    return str(PurePath(photo.name).with_suffix(""))


def _bare_name(photo: ScannedPhoto | SourceFile) -> str:
    return _ENDING.sub("", _full_name(photo))


def _key(hr: ScannedPhoto, lr: ScannedPhoto) -> str:
    """Return a name of ASCII letters, digits and ``-`` that only these two contents have."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", _bare_name(hr)).strip("-")[-40:].strip("-")
    digest = hashlib.sha256(f"{hr.sha256} {lr.sha256}".encode()).hexdigest()
    return f"{stem or 'image'}-{digest[:12]}"


def _alone(photo: ScannedPhoto, other: str, unusable: Sequence[SourceFile]) -> Reject:
    for file in unusable:
        if _bare_name(file) == _bare_name(photo):
            return Reject(
                str(photo.path),
                f"its {other} image {printable(file.name)} cannot be used",
                f"mend that one: why is said of {printable(file.path)}",
            )
    return Reject(
        str(photo.path),
        f"no {other} image has its name",
        "give both the same name; endings such as x4, _LR or _HR may differ",
    )


def _ambiguous(
    photo: ScannedPhoto, hr: Sequence[ScannedPhoto], lr: Sequence[ScannedPhoto]
) -> Reject:
    count = len(hr) + len(lr)
    return Reject(
        str(photo.path),
        f"{count} images share its name, so its partner is not certain",
        "keep one HR and one LR image of a name",
    )
