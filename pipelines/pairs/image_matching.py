"""Which LR image belongs to which HR image, decided from names alone."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias

from degrade.errors import as_typed, printable
from degrade.field_names import Side, parse_name
from degrade.geometry import Scale
from degrade.images.sources import Reject, SourceFile
from pipelines.pairs.lr_names import LrName
from pipelines.pairs.matched_images import MatchedImages
from pipelines.pairs.named_images import NamedImage, Sides, take_apart
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["LR_SIDE", "MatchRules", "Matching", "OtherSide", "match_images"]

_SHOWN = 6
"""How many candidates a reject names."""


@dataclass(frozen=True, slots=True)
class OtherSide:
    """What is said of the side that is matched with HR.

    Attributes
    ----------
    name : str
    example : str
        A template for the names, and the setting that takes it.
    by_scale : bool
        Whether `scale` chooses between several.
    takes_all : str
        The setting that takes all of several; empty: none does.
    against : str
        What stands in the place of HR.
    where : str
        The folder, where there are several of this side.
    """

    name: str
    example: str
    by_scale: bool = False
    takes_all: str = ""
    against: str = "HR"
    where: str = ""

    def called(self, template: str | None) -> LrName | None:
        """Return a user's rule for the names of this side; None where there is none.

        Raises
        ------
        InvalidValueError
            It is none, and the message has this side's setting.
        """
        if template is None:
            return None
        setting, _, example = self.example.strip("`").partition("=")
        return LrName(template, setting, example, self.against)


LR_SIDE = OtherSide("LR", "`lr_name={name}x4`", by_scale=True, takes_all="`all_variants`")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRules:
    """What a user says of the names.

    Attributes
    ----------
    scale : Scale or None
        Of several LR images those that are named for it are taken.
    stated : Scale or None
        The scale that the LR folder's own name states.
    lr_name : LrName or None
        How LR images are called; None: as in the field's sets.
    all_variants : bool
        Make a pair of each LR image of an HR image.
    other : OtherSide
        What stands in the place of LR, as when results are matched with HR.
    """

    scale: Scale | None = None
    stated: Scale | None = None
    lr_name: LrName | None = None
    all_variants: bool = False
    other: OtherSide = LR_SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What came of matching.

    Attributes
    ----------
    matched : list of MatchedImages
        By ascending key; the same two contents only once.
    rejects : list of Reject
        Images without a partner, and those of which several would do.
    alone_hr, alone_lr : int
        How many images of each side have no partner.
    passed_over : list of ScannedPhoto
        Images of a photo that was matched with another one as `scale` or `lr_name` wanted it.
    repeated : int
        Pairs left out since another one holds the same two contents.
    """

    matched: list[MatchedImages]
    rejects: list[Reject]
    alone_hr: int
    alone_lr: int
    passed_over: list[ScannedPhoto]
    repeated: int = 0


_Key: TypeAlias = Callable[[NamedImage], object]


def match_images(
    hr: Sequence[ScannedPhoto],
    lr: Sequence[ScannedPhoto],
    rules: MatchRules | None = None,
    *,
    unusable_hr: Sequence[SourceFile] = (),
    unusable_lr: Sequence[SourceFile] = (),
) -> Matching:
    """Match images by name.

    Two belong together when their names, folders below the given one included and the file type
    left out, are equal; then when they are but for capitals; then when they are without the marks
    that the field's sets use (:mod:`degrade.field_names`). A file that is on both sides, as when
    one folder holds both, is LR when its name or its folder says so.

    Parameters
    ----------
    hr, lr : sequence of ScannedPhoto
    rules : MatchRules or None
        What the user said of it.
    unusable_hr, unusable_lr : sequence of SourceFile
        Images that are there and cannot be used: whoever lacks one of them is told so.
    """
    rules = rules or MatchRules()
    found, sides = _Found(rules), take_apart(hr, lr)
    if rules.lr_name is not None:
        sides = found.match_by_template(sides, rules.lr_name)
    else:
        for key in () if rules.all_variants else _EXACT:
            sides = found.match(sides, key, key, states=False)
        sides = found.match(sides, _bare_with_scale, _bare_with_scale)
        bare = [{image.bare for image in side} for side in sides]
        # A name that only looks marked (box3) is found by what its partner is called (box3x4).
        sides = found.match(
            sides,
            lambda image: image.own if image.own in bare[1] else _bare(image, "hr"),
            lambda image: image.own if image.own in bare[0] else _bare(image, "lr"),
        )
    return found.finish(sides, unusable_hr, unusable_lr)


_EXACT: tuple[_Key, ...] = (
    lambda image: image.path,
    lambda image: image.without_type,
    lambda image: image.without_type.casefold(),
)


def _bare(image: NamedImage, side: Side) -> object:
    """Return what is left without marks; a name of marks alone must say its side."""
    return image.bare if image.name.stem or image.name.side == side else None


def _bare_with_scale(image: NamedImage) -> object:
    """Tell the scales of a set apart that names them on both sides."""
    return (image.bare, image.name.scale) if image.name.scale and image.name.stem else None


@dataclass(slots=True)
class _Found:
    """What was matched so far, by one rule after another."""

    rules: MatchRules
    pairs: list[tuple[NamedImage, NamedImage, Scale | None]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    passed_over: list[ScannedPhoto] = field(default_factory=list)

    def match(self, sides: Sides, key_hr: _Key, key_lr: _Key, *, states: bool = True) -> Sides:
        """Match what has the same key, and return what is left; None is no key."""
        groups: dict[object, Sides] = defaultdict(lambda: ([], []))
        left: Sides = ([], [])
        for number, key in enumerate((key_hr, key_lr)):
            for image in sides[number]:
                found = key(image)
                (left if found is None else groups[found])[number].append(image)
        for high, low in groups.values():
            if high and low:
                self._settle(high, low, states)
            else:
                left[0].extend(high)
                left[1].extend(low)
        return left

    def _settle(self, high: list[NamedImage], low: list[NamedImage], states: bool) -> None:
        """Pair images of one name, or reject all of them when that is not certain."""
        chosen_hr = _of_side(high, "hr")
        chosen_lr = _of_scale(_of_side(low, "lr"), self.rules.scale)
        if len(chosen_hr) > 1 or (len(chosen_lr) > 1 and not self.rules.all_variants):
            self._reject_all(chosen_hr, chosen_lr)
        else:
            for image in chosen_lr:
                scale = image.name.scale or chosen_hr[0].name.scale
                self.pairs.append((chosen_hr[0], image, scale if states else None))
        unused = [image for image in (*high, *low) if image not in (*chosen_hr, *chosen_lr)]
        self.passed_over += [image.photo for image in unused]

    def _reject_all(self, high: list[NamedImage], low: list[NamedImage]) -> None:
        candidates = [*sorted(high, key=_by_path), *sorted(low, key=_by_path)]
        self.rejects += [_ambiguous(image, candidates, self.rules.other) for image in candidates]

    def match_by_template(self, sides: Sides, lr_name: LrName) -> Sides:
        """Match each HR image with what ``lr_name`` calls its LR image."""
        by_name: dict[tuple[str, str], list[NamedImage]] = defaultdict(list)
        for image in sides[1]:
            path = PurePosixPath(image.path.casefold())
            folder = "" if lr_name.is_path else image.name.folder.casefold()
            ends = path if lr_name.is_path else PurePosixPath(path.name)
            for text in {str(ends), str(ends.with_suffix(""))}:
                by_name[folder, text].append(image)
        claims: list[tuple[NamedImage, dict[NamedImage, Scale | None]]] = []
        for image in sides[0]:
            if self.rules.scale and image.name.scale not in (None, self.rules.scale):
                self.passed_over.append(image.photo)
                continue
            folder = "" if lr_name.is_path else image.name.folder.casefold()
            hits: dict[NamedImage, Scale | None] = {}
            for name in (PurePosixPath(image.path).stem, image.name.stem):
                for text, scale in lr_name.names(name, self.rules.scale).items():
                    hits |= {
                        low: scale or low.name.scale for low in by_name.get((folder, text), ())
                    }
            claims.append((image, hits))
        owners: dict[NamedImage, list[NamedImage]] = defaultdict(list)
        for image, hits in claims:
            for low in hits:
                owners[low].append(image)
        hits_of = dict(claims)
        for image, hits in claims:
            others = {owner: None for low in hits for owner in owners[low]}
            if len(others) > 1 or (len(hits) > 1 and not self.rules.all_variants):
                lows = {low: None for owner in others for low in hits_of[owner]}
                self._reject_all([*others], [*lows])
            else:
                self.pairs += [(image, low, scale) for low, scale in hits.items()]
        taken = {high.bare for high, _, _ in self.pairs}
        left = [low for low in sides[1] if low not in owners]
        self.passed_over += [low.photo for low in left if low.bare in taken]
        return [high for high, hits in claims if not hits], [
            low for low in left if low.bare not in taken
        ]

    def finish(
        self,
        sides: Sides,
        unusable_hr: Sequence[SourceFile],
        unusable_lr: Sequence[SourceFile],
    ) -> Matching:
        """Say of what is left why it is."""
        partners = {high.bare: low for high, low, _ in self.pairs}
        alone_hr = [self._alone(image, self.rules.other.name, unusable_lr) for image in sides[0]]
        alone_lr = [
            self._alone(image, self.rules.other.against, unusable_hr, partners)
            for image in sides[1]
        ]
        unique = {}
        for high, low, stated in self.pairs:
            key = _key(high, low)
            stated = stated or self.rules.stated
            unique[key] = MatchedImages(high.photo, low.photo, key, stated, self.rules.scale)
        return Matching(
            matched=[unique[key] for key in sorted(unique)],
            rejects=[*dict.fromkeys(self.rejects), *alone_hr, *alone_lr],
            alone_hr=len(alone_hr),
            alone_lr=len(alone_lr),
            passed_over=self.passed_over,
            repeated=len(self.pairs) - len(unique),
        )

    def _alone(
        self,
        image: NamedImage,
        other: str,
        unusable: Sequence[SourceFile],
        partners: Mapping[str, NamedImage] | None = None,
    ) -> Reject:
        path, side = str(image.photo.path), self.rules.other
        where = f" in {side.where}" if side.where and other == side.name else ""
        for file in unusable:
            if parse_name(file.name).bare.casefold() == image.bare:
                return Reject(
                    path,
                    f"its {other} image {printable(file.name)} cannot be used",
                    f"mend that one: why is said of {printable(file.path)}",
                )
        if partners and image.bare in partners:
            return Reject(
                path,
                f"its {other} image is paired with {printable(partners[image.bare].photo.name)}",
                f"choose another {side.name} image: {side.example}"
                + (f", or take all of them: {side.takes_all}" if side.takes_all else ""),
            )
        if self.rules.lr_name is not None:
            rule = self.rules.lr_name
            called = f"`{rule.setting}={as_typed(rule.template)}`"
            return Reject(
                path, f"no {other} image{where} fits {called}", "correct the template or the name"
            )
        return Reject(
            path,
            f"no {other} image{where} has its name",
            "give both the same name but for marks such as x4, _LR or _HR, or say how "
            f"{side.name} images are called: {side.example}",
        )


def _by_path(image: NamedImage) -> str:
    return image.path


def _of_side(images: list[NamedImage], side: Side) -> list[NamedImage]:
    """Leave out what says that it is of the other side, unless nothing else is there."""
    return [image for image in images if image.name.side in (None, side)] or images


def _of_scale(images: list[NamedImage], scale: Scale | None) -> list[NamedImage]:
    """Leave out what is not named for the scale, unless nothing is."""
    return [image for image in images if image.name.scale == scale] or images if scale else images


def _key(hr: NamedImage, lr: NamedImage) -> str:
    """Return a name of ASCII letters, digits and ``-`` that only these two contents have."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", hr.name.bare).strip("-")[-40:].strip("-")
    digest = hashlib.sha256(f"{hr.photo.sha256} {lr.photo.sha256}".encode()).hexdigest()
    return f"{stem or 'image'}-{digest[:12]}"


def _ambiguous(image: NamedImage, candidates: Sequence[NamedImage], side: OtherSide) -> Reject:
    names = [printable(other.photo.name) for other in candidates]
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return Reject(
        str(image.photo.path),
        f"{len(names)} images share its name, so its partner is not certain: {shown}",
        ("choose by `scale`, or " if side.by_scale else "")
        + f"say how {side.name} images are called: {side.example}"
        + (
            f", or make a pair of each {side.name} image: {side.takes_all}"
            if side.takes_all
            else ""
        ),
    )
