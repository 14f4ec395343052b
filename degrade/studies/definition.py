"""What a study asks of which images: ``study.json``, written once and never changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from degrade.disk.files import read_file
from degrade.disk.structs import parse_struct
from degrade.errors import CorruptDataError, InputError, printable
from degrade.opinions import DECOY, TRUE, Design, Kind

__all__ = [
    "MOS_QUESTION",
    "PAIR_QUESTIONS",
    "REFERENCE",
    "STUDY_NAME",
    "StudyDefinition",
    "StudyImage",
    "encode_definition",
    "read_definition",
]

STUDY_NAME = "study.json"
REFERENCE = "reference"
"""What the reference is called where it is judged as one of the methods."""

MOS_QUESTION = "How good is this image?"
PAIR_QUESTIONS = ("Which has fewer artefacts?", "Which shows more detail?")

_HASH = re.compile(r"[0-9a-f]{64}")

_Hash = Annotated[str, msgspec.Meta(pattern=f"^{_HASH.pattern}$")]
_Size = Annotated[int, msgspec.Meta(ge=1)]


class StudyImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image, and its pictures by the hash of their files.

    Attributes
    ----------
    name : str
        What its files are called; raters never see it.
    width, height : int
        Of all its pictures.
    results : tuple of str
        By method.
    reference, lr, decoy : str or None
        HR; LR enlarged to the same size; a version that nobody can like.
    """

    name: str
    width: _Size
    height: _Size
    results: tuple[_Hash, ...]
    reference: _Hash | None = None
    lr: _Hash | None = None
    decoy: _Hash | None = None


class StudyDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``study.json`` holds.

    Attributes
    ----------
    kind : str
        ``mos`` or ``pairs``.
    methods : tuple of str
        Raters never see them.
    questions : tuple of str
    images : tuple of StudyImage
    shows_reference : bool
        Whether raters see the reference beside what they judge.
    seed, per_rater, check_every
        As in :class:`degrade.opinions.Design`.
    settings_sha256 : str
        Of all settings and of the files that it was made of.
    """

    format: Literal["degrade-study"] = "degrade-study"
    version: Literal[1] = 1
    kind: Kind
    methods: tuple[str, ...]
    questions: tuple[str, ...]
    images: tuple[StudyImage, ...]
    shows_reference: bool
    seed: int
    per_rater: int | None
    check_every: int
    settings_sha256: _Hash

    @property
    def design(self) -> Design:
        """What raters are to see."""
        return Design(
            kind=self.kind,
            images=len(self.images),
            methods=len(self.methods),
            seed=self.seed,
            per_rater=self.per_rater,
            check_every=self.check_every,
            decoys=tuple(n for n, image in enumerate(self.images) if image.decoy is not None),
        )

    def picture(self, image: int, method: int) -> str:
        """Return the hash of what stands for a method's number, the special ones included.

        Raises
        ------
        CorruptDataError
            There is no such image, method or decoy.
        """
        found = None
        if 0 <= image < len(self.images):
            known = self.images[image]
            special = {DECOY: known.decoy, TRUE: known.reference or known.results[0]}
            found = special.get(method)
            if 0 <= method < len(known.results):
                found = known.results[method]
        if found is None:
            raise CorruptDataError(
                f"the votes speak of image {image} and method {method}, which {STUDY_NAME} does "
                "not have; restore both from one copy"
            )
        return found


def encode_definition(definition: StudyDefinition) -> bytes:
    """Return the content of ``study.json``: ASCII, since names may be of any bytes."""
    return json.dumps(msgspec.to_builtins(definition), indent=1).encode() + b"\n"


def read_definition(folder: Path) -> StudyDefinition:
    """Read a study's definition.

    Raises
    ------
    InputError
        There is none, or it cannot be read.
    CorruptDataError
        It is damaged, or of another version.
    """
    path = folder / STUDY_NAME
    if not path.exists():
        what = "is not there"
        if folder.exists():
            what = f"is no study, it has no {STUDY_NAME}" if folder.is_dir() else "is no folder"
        raise InputError(
            folder,
            what,
            "give the folder of a study, or make one by `degrade study make`",
        )
    try:
        found = parse_struct(read_file(path), StudyDefinition, "the study")
    except CorruptDataError as error:
        raise CorruptDataError(
            f"{printable(path)} is no study that this degrade reads ({error}); "
            "restore it from a copy, or make the study anew elsewhere"
        ) from None
    wrong = [image.name for image in found.images if len(image.results) != len(found.methods)]
    if wrong or not found.images or not found.questions:
        raise CorruptDataError(
            f"{printable(path)} is damaged: images, methods and questions do not fit together; "
            "restore it from a copy"
        )
    return found
