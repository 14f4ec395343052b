"""Images of two folders that show one photo, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from degrade.errors import DegradeError, printable
from degrade.field_names import composed
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject, SourceFile, find_images
from pipelines.pairs.image_matching import Matching, MatchRules, OtherSide, match_images
from pipelines.pairs.name_endings import common_ending, common_template, is_word, without_ending
from pipelines.shared.finding_photos import is_same_place, scan_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["Companions", "Twins", "find_twins", "stem_of"]

_MSE_SIDE = OtherSide("MSE", "`mse_name={name}_mse`", against="GAN")


@dataclass(frozen=True, slots=True)
class Twins:
    """The two results of one photo.

    Attributes
    ----------
    name : str
        What the GAN's is called, with folders and without the file type.
    mse, gan : Path
    photo : str
        The name without the ending that all GAN results have, if that is how they were found.
    scanned : tuple of ScannedPhoto
        Both files as they were looked at, the MSE result first.
    """

    name: str
    mse: Path
    gan: Path
    photo: str
    scanned: tuple[ScannedPhoto, ScannedPhoto]


def stem_of(name: str) -> str:
    """Return a name with its folders, without the file type."""
    return str(PurePosixPath(composed(name)).with_suffix(""))


def find_twins(
    job: Job, mse: Path, gan: Path, *, mse_name: str | None = None, max_pixels: int = MAX_PIXELS
) -> list[Twins]:
    """Return the images that both folders have, by name; others are rejected.

    Names are those of one photo by the rules of ``degrade import-pairs``, or when nothing but an
    ending tells them apart that all names of a folder have which are not paired by those rules.

    Parameters
    ----------
    job : Job
    mse, gan : Path
    mse_name : str or None
        How the MSE results are called; see :class:`pipelines.pairs.lr_names.LrName`.
    max_pixels : int

    Raises
    ------
    DegradeError
        There is none, or both are one folder.
    """
    if is_same_place(mse, gan):
        raise DegradeError(
            f"{printable(mse)} is given for the MSE network's results and for the GAN's: "
            "nothing to compare"
        )
    mse_side, gan_side = (_scanned(job, folder, max_pixels) for folder in (mse, gan))
    matching, called = _match(gan_side, mse_side, mse_name)
    job.rejects += matching.rejects
    if called:
        words = " and ".join(
            f"{side} results are called {printable(template)}" for side, template in called.items()
        )
        job.found("called", words, templates=called)
    names: dict[str, Twins] = {}
    files = {photo.path: photo for photo in gan_side[0]}
    for pair in matching.matched:
        name = stem_of(files[pair.hr.path].name)
        photo = name.removesuffix(called.get("GAN", "").removeprefix("{name}"))
        if name in names:
            other = printable(names[name].gan)
            job.rejects.append(
                Reject(str(pair.hr.path), f"{other} has the same name", "rename one")
            )
        else:
            names[name] = Twins(name, pair.lr.path, pair.hr.path, photo, (pair.lr, pair.hr))
    if not names:
        reason = f": {job.rejects[0]}" if job.rejects else ""
        raise DegradeError(
            f"no image of {printable(mse)} has the name of one of {printable(gan)}{reason}"
        )
    return [names[name] for name in sorted(names)]


class Companions:
    """Images that belong to results by name: label maps, masks.

    Parameters
    ----------
    job : Job
        Gets a reject for each that cannot be used.
    folder : Path
    twins : sequence of Twins
    max_pixels : int
    """

    def __init__(self, job: Job, folder: Path, twins: Sequence[Twins], max_pixels: int) -> None:
        files = [SourceFile(each.gan, f"{each.name}{each.gan.suffix}") for each in twins]
        results, _ = scan_photos(files, max_pixels=max_pixels)
        matching, _ = _match((results, []), _scanned(job, folder, max_pixels), None)
        self._paths = {pair.hr.path: pair.lr.path for pair in matching.matched}

    def of(self, twins: Twins) -> Path | None:
        """Return the file that belongs to a result, or None."""
        return self._paths.get(twins.gan)


_Side = tuple[list[ScannedPhoto], list[SourceFile]]
"""What can be used, and what is there and cannot."""


def _scanned(job: Job, folder: Path, max_pixels: int) -> _Side:
    files, missing = find_images([folder])
    photos, unreadable = scan_photos(files, max_pixels=max_pixels)
    job.rejects += [*missing, *unreadable]
    paths = {reject.path for reject in unreadable}
    return photos, [file for file in files if str(file.path) in paths]


def _match(
    gan_side: _Side, other_side: _Side, template: str | None
) -> tuple[Matching, dict[str, str]]:
    """Match names; also return how they are called, where that was found."""
    (gan, broken_gan), (other, broken_other) = gan_side, other_side

    def match(
        template: str | None, gan: Sequence[ScannedPhoto], other: Sequence[ScannedPhoto]
    ) -> Matching:
        rules = MatchRules(lr_name=_MSE_SIDE.called(template), other=_MSE_SIDE)
        return match_images(gan, other, rules, unusable_hr=broken_gan, unusable_lr=broken_other)

    found = match(template, gan, other)
    alone = {reject.path for reject in found.rejects}
    gan, other = ([p for p in side if str(p.path) in alone] for side in (gan, other))
    if template is not None or not (gan and other):
        return found, {}
    template = common_template(gan, other)
    # Where other names are equal, numbers tell photos apart: 1 is not 10, a_1 is not a_2.
    must_be_words = bool(found.matched)
    if template and (not must_be_words or is_word(template.removeprefix("{name}"))):
        again = match(template, gan, other)
        if again.matched:
            return _joined(found, again), {"MSE": template}
    endings = [common_ending(photos) for photos in (gan, other)]
    bare = [
        [without_ending(photo, ending) for photo in photos]
        for photos, ending in zip((gan, other), endings, strict=True)
    ]
    again = match(None, *bare)
    if not again.matched or (must_be_words and not all(is_word(e) for e in endings if e)):
        return found, {}
    named = zip(("GAN", "MSE"), endings, strict=True)
    return _joined(found, again), {side: f"{{name}}{ending}" for side, ending in named if ending}


def _joined(found: Matching, again: Matching) -> Matching:
    """Return what was matched by either; of the rest, what was said first."""
    paired = {str(photo.path) for pair in again.matched for photo in (pair.hr, pair.lr)}
    paired |= {str(photo.path) for photo in again.passed_over}
    rejects = [reject for reject in found.rejects if reject.path not in paired]
    return replace(found, matched=[*found.matched, *again.matched], rejects=rejects)
