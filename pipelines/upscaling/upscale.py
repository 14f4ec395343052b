"""Enlarge photos with a trained generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from degrade.disk.file_streams import replacing
from degrade.disk.files import claim_folder
from degrade.disk.locks import folder_lock
from degrade.errors import DegradeError, InputError, printable
from degrade.images.image_rows import ROW_FORMATS, EncodingError
from degrade.images.sources import Reject, SourceFile, find_images, hash_file
from degrade.wording import counted
from pipelines.shared.finding_photos import scan_photos
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned
from pipelines.shared.reports import (
    REJECTS_NAME,
    ProgressCallback,
    RunReport,
    check_rejects,
    write_rejects,
)
from pipelines.upscaling.enlarger import Enlarger
from pipelines.upscaling.journal import JOURNAL_NAME, JournalEntry, ResultJournal
from pipelines.upscaling.results import Results, choose_results
from pipelines.upscaling.settings import UpscaleConfig

__all__ = ["UpscaleConfig", "upscale"]

_HIGH_COST = 1.5
"""From which on a person may want to give more memory."""

_MAX_RESULT_PIXELS = 2**30
"""What OpenCV agrees to decode: a larger result could not be opened again."""

_LISTED = 5
"""Results up to this number are named one by one."""


def upscale(
    config: UpscaleConfig,
    *,
    check: Callable[[ScannedPhoto, int], None] | None = None,
    keep_alpha: bool = True,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Enlarge every photo of ``config.sources``, except those that an earlier run has enlarged.

    Parameters
    ----------
    config : UpscaleConfig
    check : callable or None
        Called with each photo and the scale, before any is enlarged; raises InputError for one
        that shall be rejected.
    keep_alpha : bool
        False, for results that are to be compared: photos with transparent parts are rejected, and
        other transparency is dropped.
    on_progress : callable or None
        Called with (photos' pixels done, pixels to do in all).

    Returns
    -------
    RunReport
        Counts photos. One that cannot be read, or whose result cannot have its name or form, is
        rejected by name and the rest goes on.

    Raises
    ------
    DegradeError
        The weights or the device cannot be used, there is no photo, a result would replace its own
        source or was made with other settings, another run writes to the folder, or a result
        cannot be written, as on a full disk.

    Notes
    -----
    A result appears when it is whole, under its name. Its hash and that of its photo stand in
    ``upscale.jsonl`` before that; a rerun passes over the results that have their hash still.
    """
    job = Job("upscale", "photo", on_progress)
    run = _Run(config, job, check, keep_alpha=keep_alpha)
    files, job.rejects = find_images(config.sources)
    if not files and not job.rejects:
        raise DegradeError("no photo was found; give files, or folders that hold some")
    job.tell_passed_over(config.sources)
    claim_folder(config.out, JOURNAL_NAME, FOLDER_KINDS)
    with folder_lock(config.out):
        ResultJournal(config.out).require_own()
        check_rejects(config.out)
        try:
            with job.stoppable():
                for sample in range(config.samples or 1):
                    run.take_sample(sample)
                    run.enlarge(files)
        except DegradeError:
            with suppress(DegradeError):  # what comes of a full disk, too
                write_rejects(config.out, job.rejects)
            raise
        write_rejects(config.out, job.rejects)
    run.describe()
    return job.report(
        len(run.made), skipped=run.skipped, rejects_file=printable(config.out / REJECTS_NAME)
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """One result."""

    path: str
    width: int
    height: int
    notes: tuple[str, ...]

    def words(self) -> str:
        size = f"{printable(self.path)}: {self.width}×{self.height}"
        return f"{size} ({', '.join(self.notes)})" if self.notes else size


class _Run:
    """One call of :func:`upscale`: a network made ready, and what it has made."""

    def __init__(
        self,
        config: UpscaleConfig,
        job: Job,
        check: Callable[[ScannedPhoto, int], None] | None,
        *,
        keep_alpha: bool,
    ) -> None:
        self._config, self._job, self._check = config, job, check
        self._keep_alpha = keep_alpha
        self._enlarger = Enlarger(config)
        self._suffix = config.suffix
        self._rejected: set[Reject] = set()
        self.skipped = 0
        self.made: list[_Made] = []

    def take_sample(self, number: int) -> None:
        """Enlarge from now on by this noise, where the weights take some."""
        config = self._config
        self._enlarger.take_sample(number)
        self._suffix = config.suffix if config.samples is None else f"{config.suffix}-{number + 1}"

    def enlarge(self, files: Sequence[SourceFile]) -> None:
        """Enlarge the photos one after the other; what cannot be is rejected."""
        results, photos = self._plan(files)
        done, total = 0, sum(photo.height * photo.width for photo in photos)

        def on_tile(pixels: int) -> None:
            nonlocal done
            done += pixels
            self._job.progress(done, total)

        self._job.progress(0, total)
        before = 0
        for photo in photos:
            try:
                self._enlarge_photo(photo, results, on_tile)
            except InputError as error:
                self._reject(Reject.from_error(error))
            before += photo.height * photo.width
            done = before
            self._job.progress(done, total)

    def describe(self) -> None:
        """Report what a person wants to know of the results."""
        job = self._job
        if len(self.made) <= _LISTED:
            for made in self.made:
                job.found("photo", made.words(), **asdict(made))
        else:
            job.found("folder", f"in {printable(self._config.out)}", path=str(self._config.out))
            notes = Counter(note for made in self.made for note in made.notes)
            for note, number in notes.items():
                job.found("note", f"{counted(number, 'photo')}: {note}", note=note, photos=number)
        spec, cost = self._enlarger.spec, self._enlarger.cost
        job.found("network", f"by {spec.describe()}", **spec.to_metadata())
        if cost > 1:
            words = f"in tiles, which cost {cost:.2f} times the computing of whole images"
            if cost > _HIGH_COST:
                words += "; less with more `max_memory`"
            job.found("tiles", words, cost=round(cost, 3))

    def _plan(self, files: Sequence[SourceFile]) -> tuple[Results, list[ScannedPhoto]]:
        """Look at every photo and every result that is there; return what is left to do."""
        config, journal = self._config, ResultJournal(self._config.out)
        files = [file for file in files if not _is_result(file, config, journal)]
        ending = ROW_FORMATS[config.format].suffix
        results = Results(
            config.out,
            journal,
            choose_results(config.out, files, suffix=self._suffix, ending=ending),
            self._enlarger.settings,
            config.overwrite,
        )
        photos, unreadable = scan_photos(files, max_pixels=config.max_pixels)
        for reject in unreadable:
            self._reject(reject)
        left = []
        for photo in photos:
            try:
                self._check_size(photo)
                if self._check is not None:
                    self._check(photo, self._enlarger.spec.scale)
                if results.is_done(photo):
                    self.skipped += 1
                else:
                    left.append(photo)
            except InputError as error:
                self._reject(Reject.from_error(error))
        return results, left

    def _reject(self, reject: Reject) -> None:
        """Name what cannot be used, once for all samples that meet it."""
        if reject not in self._rejected:
            self._rejected.add(reject)
            self._job.rejects.append(reject)

    def _check_size(self, photo: ScannedPhoto) -> None:
        height, width = (self._enlarger.spec.scale * side for side in (photo.height, photo.width))
        size = f"its enlargement would have {width}×{height} pixels"
        if height * width > _MAX_RESULT_PIXELS:
            raise InputError(photo.path, size, "cut it into parts")
        longest = ROW_FORMATS[self._config.format].longest_side
        if max(height, width) > longest:
            raise InputError(
                photo.path,
                f"{size}, and {self._config.format} ends at {longest} a side",
                "use `format=png`",
            )

    def _enlarge_photo(
        self, scanned: ScannedPhoto, results: Results, on_tile: Callable[[int], None]
    ) -> None:
        photo = read_scanned(
            scanned.path,
            scanned.sha256,
            max_pixels=self._config.max_pixels,
            keep_alpha=self._keep_alpha,
            keep_profile=self._config.keep_profile,
        )
        path = results.paths[scanned.path]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                scanned.path,
                f"{printable(path.parent)} cannot be made ({error.strerror})",
                "choose another `out`",
            ) from None
        layout, notes = self._enlarger.layout(photo)
        may_replace = partial(results.may_replace, scanned)
        try:
            with replacing(path, scratch=self._config.out, may_replace=may_replace) as file:
                try:
                    self._enlarger.write(file, photo, layout, on_tile)
                except EncodingError as error:
                    raise InputError(scanned.path, str(error)) from None
                file.flush()
                entry = JournalEntry(
                    result=results.name(scanned),
                    sha256=hash_file(Path(file.name)),
                    source_sha256=scanned.sha256,
                    settings=results.settings_for(scanned),
                )
                results.journal.add(entry)
        except FileExistsError:
            raise results.taken(scanned) from None
        self.made.append(_Made(str(path), layout.width, layout.height, notes))


def _is_result(file: SourceFile, config: UpscaleConfig, journal: ResultJournal) -> bool:
    """Tell whether a photo that a search has found is what an earlier run wrote."""
    path, out = file.path.resolve(), config.out.resolve()
    if file.path in config.sources or not path.is_relative_to(out):
        return False
    return journal.knows(str(path.relative_to(out)))
