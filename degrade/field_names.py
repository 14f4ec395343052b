"""What the file names of the field's image sets say: the side of a pair, its scale, the photo.

A name is cut into words at ``-``, ``_``, ``.`` and spaces. Words that mark a side or a scale are
taken off both its ends, numbers of crops and frames left where they are; what remains names the
photo. Folders lose such words wherever these stand. :data:`KNOWN_SETS` has an example of each set.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from degrade.geometry import Ratio, Scale

__all__ = ["KNOWN_SETS", "FieldName", "KnownSet", "Side", "composed", "parse_name", "scales_in"]

Side: TypeAlias = Literal["hr", "lr"]

# The point of x2.7, LR2.5 and 1.5x parts no words.
_POINT = r"(?:(?<=[xrq]\d)|(?<=x\d\d))\.(?=\d)|(?<=\d)\.(?=\d{1,3}x(?:[-_. ]|$))"
_WORD = re.compile(rf"[-_. ]*(?:[^-_. ]|{_POINT})+", re.IGNORECASE)
_SEPARATORS = "-_. "

_NUMBER = r"1[0-6]?(?:\.\d{1,3})?|[2-9](?:\.\d{1,3})?"
_UNSAID = r"[2-9](?:\.\d{1,3})?|1\.\d{1,3}"
"""Of a scale that no ``x`` stands before: 1 and 16 would be numbers of photos."""

# LR, lq, LRBI, LRbicx4, bicLRx4, LR4; HR, GT, GTmod12, HRx4.
_LOW = re.compile(
    r"(?:bic|bi)?l[rq](?:bic|bicubic|bi|bd|dn|unknown|mild|difficult|wild)?"
    rf"(?:x?({_UNSAID}))?"
)
_HIGH = re.compile(rf"(?:h[rq]|gt)(?:mod\d+)?(?:x?({_UNSAID}))?")
# x4, 4x; DIV2K's x4m, x4d and x4w1 to x4w4 (mild, difficult, wild).
_SCALE = re.compile(rf"x({_NUMBER})(?:[mdw]\d?)?|({_UNSAID})x")
_PATTERNS: tuple[tuple[re.Pattern[str], Side | None], ...] = (
    (_LOW, "lr"),
    (_HIGH, "hr"),
    (_SCALE, None),
)
_ENDS_IN_SCALE = re.compile(rf"(.+?)x({_NUMBER})(?:[mdw]\d?)?", re.DOTALL)  # 0801x4, babyx2.5
_ENDS_IN_SIDE = re.compile(r"(\d+)([hl])")  # 001H
_COUNT = re.compile(r"(?:s|crop|patch|tile)?\d+|srgb|raw")
_SEVERAL_SCALES = re.compile(r"\D*x([2-9]{2,})")  # kernels_bicubicx234
_KERNEL_AND_SCALE = re.compile(r"(?:gt)?k(?:ernels?)?x([2-9])")  # kernelx4

_LOW_WORDS = frozenset({"noisy", "blur", "blurred", "blurry"})
_HIGH_WORDS = frozenset({"sharp", "clean"})
_LOW_FOLDERS = _LOW_WORDS | {"input", "low"}
_HIGH_FOLDERS = _HIGH_WORDS | {"target", "high"}
_KINDS = frozenset({"bic", "bicubic", "unknown", "mild", "difficult", "wild"})
"""How LR was made: said beside another mark, as in ``LR_bicubic``."""
_CROPS = frozenset({"sub", "crops"})


@dataclass(frozen=True, slots=True)
class FieldName:
    """What a path says; texts are composed (Unicode's NFC).

    Attributes
    ----------
    folder, stem : str
        Without their marks and the file type: what both images of a pair share, but for capitals.
        Empty where all is marks.
    side : {"hr", "lr"} or None
    scale : int, Ratio or None
        HR size over LR size, above 1; also such as :func:`degrade.geometry.as_scale` refuses.
    """

    folder: str = ""
    stem: str = ""
    side: Side | None = None
    scale: Scale | None = None

    @property
    def bare(self) -> str:
        """Folder and stem."""
        return f"{self.folder}/{self.stem}" if self.folder else self.stem

    def _and(self, other: FieldName) -> FieldName:
        """Return this with what it leaves open from ``other``."""
        return replace(self, side=self.side or other.side, scale=self.scale or other.scale)


def composed(text: str) -> str:
    """Return a name in Unicode's composed form: a Mac's archives have letters and accents apart."""
    return unicodedata.normalize("NFC", text)


def parse_name(path: str) -> FieldName:
    """Read a path relative to the folder or manifest that was given, such as ``X4/0801x4.png``.

    What the file's own name leaves open, the innermost folder says that does.
    """
    pure = PurePosixPath(composed(path))
    found = _parse_stem(pure.stem)
    folders: list[str] = []
    for part in reversed(pure.parent.parts):
        folder = _parse_folder(part)
        found = found._and(folder)
        folders.insert(0, folder.folder)
    return replace(found, folder="/".join(filter(None, folders)))


def scales_in(name: str) -> tuple[Scale, ...]:
    """Return the scales that the name of kernels states: 2, 3 and 4 of ``kernels_bicubicx234``.

    Other than in the names of photos they may stand anywhere, as words; ``0801x4`` is a photo's.
    """
    scales: list[Scale] = []
    for word in map(_plain, _words(composed(name))):
        if several := _SEVERAL_SCALES.fullmatch(word):
            scales += map(int, several[1])
        elif found := _SCALE.fullmatch(word) or _KERNEL_AND_SCALE.fullmatch(word):
            scales.append(_scale_of(found[found.lastindex or 0]))
    return tuple(dict.fromkeys(scale for scale in scales if scale > 1))


def _scale_of(number: str) -> Scale:
    exact = Ratio(number)
    return exact.numerator if exact.denominator == 1 else exact


def _words(text: str) -> list[str]:
    """Return the words of a name, each with what separates it from the one before."""
    return _WORD.findall(text)


def _plain(word: str) -> str:
    return word.lstrip(_SEPARATORS).casefold()


def _parse_stem(stem: str) -> FieldName:
    words, counts = _words(stem), list[str]()
    number, found, is_cut = len(words), FieldName(), False
    while number:
        word, before = _plain(words[number - 1]), _plain(words[number - 2]) if number > 1 else ""
        if before == "srf" and word.isdecimal():  # img_001_SRF_4_HR
            found, number = found._and(FieldName(scale=_scale_of(word))), number - 1
        elif mark := _mark(word):
            found = found._and(mark)
        elif not is_cut and (cut := _cut(word, is_last=number == len(words))):
            found, is_cut, left = found._and(cut), True, words[number - 1]
            words[number - 1] = left[: len(left) - len(word) + len(cut.stem)]
            number += 1  # what is left of the word is looked at again
        elif _COUNT.fullmatch(word):
            counts.insert(0, words[number - 1])
        elif not (word in _KINDS and (found.side == "lr" or _LOW.fullmatch(before))):
            break
        number -= 1
    words = words[:number]
    begins = ""  # with what separates a mark from what follows; _DSC0001x4 begins as _DSC0001 does
    if words and (mark := _mark(_plain(words[0]))):  # LR_0001
        found, words, begins = found._and(mark), words[1:], _SEPARATORS
    if found.scale == 1:  # DRealSR's x1 beside x4
        found = replace(found, side=found.side or "lr", scale=None)
    if not found.side and not found.scale:
        return FieldName(stem=stem)
    left = "".join([*words, *counts]).rstrip(_SEPARATORS)
    return replace(found, stem=left.lstrip(begins if words else _SEPARATORS))


def _cut(word: str, *, is_last: bool) -> FieldName | None:
    """Return what the end of a word says, with the rest of the word as its stem."""
    if found := _ENDS_IN_SIDE.fullmatch(word):
        return FieldName(stem=found[1], side="hr" if found[2] == "h" else "lr")
    found = _ENDS_IN_SCALE.fullmatch(word)
    if found and (is_last or found[1].isdecimal()):
        return FieldName(stem=found[1], scale=_scale_of(found[2]))
    return None


def _mark(
    word: str, low: Collection[str] = _LOW_WORDS, high: Collection[str] = _HIGH_WORDS
) -> FieldName | None:
    """Return what a word says that is a mark as a whole."""
    for pattern, side in _PATTERNS:
        if found := pattern.fullmatch(word):
            last = found.lastindex
            return FieldName(side=side, scale=_scale_of(found[last]) if last else None)
    if word in low or word in high:
        return FieldName(side="lr" if word in low else "hr")
    return None


def _parse_folder(part: str) -> FieldName:
    words = _words(part)
    found, kept, kinds = FieldName(), list[str](), list[str]()
    for number, word in enumerate(words):
        plain = _plain(word)
        after = _plain(words[number + 1]) if number + 1 < len(words) else ""
        before = _plain(words[number - 1]) if number else ""
        if plain == "srf" and after.isdecimal():
            found = found._and(FieldName(scale=_scale_of(after)))
        elif before == "srf" and plain.isdecimal():
            continue
        elif mark := _mark(plain, _LOW_FOLDERS, _HIGH_FOLDERS):
            found = mark._and(found)
        elif plain in _KINDS or plain in _CROPS:
            kinds.append(plain)
        else:
            kept.append(word)
    if not found.side and not found.scale:
        return FieldName(folder=part)
    if _KINDS.intersection(kinds):  # REDS: train_sharp_bicubic
        found = replace(found, side="lr")
    return replace(found, folder="".join(kept).strip(_SEPARATORS))


@dataclass(frozen=True, slots=True)
class KnownSet:
    """How the images of a set are called, by one pair of them.

    Attributes
    ----------
    name : str
    hr, lr : str
        Below a folder that holds both.
    scale : Scale or None
        That the names state.
    note : str
        For people.
    """

    name: str
    hr: str
    lr: str
    scale: Scale | None = None
    note: str = ""


KNOWN_SETS = (
    KnownSet(
        "DIV2K, Flickr2K: bicubic",
        "DIV2K_train_HR/0801.png",
        "DIV2K_train_LR_bicubic/X4/0801x4.png",
        4,
    ),
    KnownSet(
        "DIV2K: unknown", "DIV2K_train_HR/0801.png", "DIV2K_train_LR_unknown/X4/0801x4.png", 4
    ),
    KnownSet("DIV2K: mild", "DIV2K_train_HR/0801.png", "DIV2K_train_LR_mild/0801x4m.png", 4),
    KnownSet(
        "DIV2K: difficult", "DIV2K_train_HR/0801.png", "DIV2K_train_LR_difficult/0801x4d.png", 4
    ),
    KnownSet(
        "DIV2K: wild",
        "DIV2K_train_HR/0001.png",
        "DIV2K_train_LR_wild/0001x4w1.png",
        4,
        "four LR images for one HR image",
    ),
    KnownSet("DIV2K, Flickr2K: ×8", "DIV2K_train_HR/0801.png", "DIV2K_train_LR_x8/0801x8.png", 8),
    KnownSet(
        "BasicSR's crops",
        "DIV2K_train_HR_sub/0001_s001.png",
        "DIV2K_train_LR_bicubic/X4_sub/0001_s001.png",
        4,
    ),
    KnownSet(
        "RealSR",
        "Canon/Train/4/Canon_001_HR.png",
        "Canon/Train/4/Canon_001_LR4.png",
        4,
        "versions whose LR has HR's size are refused by name",
    ),
    KnownSet(
        "DRealSR",
        "Train_x4/train_HR/DSC_1454_x4.png",
        "Train_x4/train_LR/DSC_1454_x1.png",
        4,
        "also its patches, `DSC_1454_x4_10`",
    ),
    KnownSet(
        "ArbSR's scales",
        "DIV2K/HR/0801.png",
        "DIV2K/LR_bicubic/X2.70/0801.png",
        Ratio("2.7"),
        "where LR's sizes are rounded, `scale=2.7` takes them",
    ),
    KnownSet("scales in file names", "HR/0801.png", "LR/0801x1.5.png", Ratio("1.5")),
    KnownSet("City100", "City100_NikonD5500/001H.PNG", "City100_NikonD5500/001L.PNG"),
    KnownSet("ImagePairs", "ImagePairs_Train/0001_HR.png", "ImagePairs_Train/0001_LR.png"),
    KnownSet(
        "Set5, Set14, BSD100, Urban100 of SelfExSR",
        "image_SRF_4/img_001_SRF_4_HR.png",
        "image_SRF_4/img_001_SRF_4_LR.png",
        4,
        "results of other methods that lie there are left over",
    ),
    KnownSet("the same of BasicSR", "Set5/GTmod12/baby.png", "Set5/LRbicx4/baby.png", 4),
    KnownSet("the same of EDSR", "Set5/HR/baby.png", "Set5/LR_bicubic/X4/babyx4.png", 4),
    KnownSet(
        "the same of RCAN", "HR/Set5/x4/baby_HR_x4.png", "LR/LRBI/Set5/x4/baby_LRBI_x4.png", 4
    ),
    KnownSet("BasicSR's own validation", "img_001.png", "img_001_bicLRx4.png", 4),
    KnownSet("REDS", "train_sharp/000/00000001.png", "train_sharp_bicubic/X4/000/00000001.png", 4),
    KnownSet(
        "GoPro",
        "train/GOPR0372_07_00/sharp/000047.png",
        "train/GOPR0372_07_00/blur/000047.png",
        None,
        "no scale: as SIDD",
    ),
    KnownSet(
        "RealBlur", "scene001/gt/gt_1.png", "scene001/blur/blur_1.png", None, "no scale: as SIDD"
    ),
    KnownSet(
        "SIDD",
        "0001_001_S6_00100_00060_3200_L/0001_GT_SRGB_010.PNG",
        "0001_001_S6_00100_00060_3200_L/0001_NOISY_SRGB_010.PNG",
        None,
        "found, then refused: LR must be smaller than HR",
    ),
    KnownSet("Real-ESRGAN, Restormer: words for sides", "gt/0001_gt.png", "lq/0001_lq.png"),
)
"""The sets whose names are known, each by a pair of it."""
