"""Enlarge photos with a trained generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from degrade.arrays import AnyArray
from degrade.disk.file_streams import replacing
from degrade.disk.files import claim_folder
from degrade.disk.locks import folder_lock
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.images.colour import is_for_colour
from degrade.images.image_io import Photo, to_u8
from degrade.images.image_rows import ROW_FORMATS, EncodingError, RowLayout, open_rows
from degrade.images.sources import Reject, SourceFile, find_images, hash_file
from degrade.wording import counted
from esrgan.devices import choose_device, half_type, tile_memory
from esrgan.networks import Generator, SRResNet, fold_batch_norm
from esrgan.upscaling.alpha_and_gray import enlarge_channel, to_gray
from esrgan.upscaling.tiling import Tiler
from esrgan.upscaling.upscaler import Upscaler
from esrgan.weights.files import read_weights
from esrgan.weights.finding import find_weights
from esrgan.weights.identification import NetworkSpec, network_from_state_dict
from esrgan.weights.interpolation import interpolate_weights
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned, scan_photos
from pipelines.shared.reports import (
    REJECTS_NAME,
    ProgressCallback,
    RunReport,
    check_rejects,
    write_rejects,
)
from pipelines.upscaling.journal import JOURNAL_NAME, JournalEntry, ResultJournal
from pipelines.upscaling.results import Results, choose_results
from pipelines.upscaling.settings import UpscaleConfig

__all__ = ["UpscaleConfig", "upscale"]

COLOURS = 3
"""Channels of photos; what a network takes besides is noise."""

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
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Enlarge every photo of ``config.sources``, except those that an earlier run has enlarged.

    Parameters
    ----------
    config : UpscaleConfig
    check : callable or None
        Called with each photo and the scale, before any is enlarged; raises InputError for one
        that shall be rejected.
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
    run = _Run(config, job, check)
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
    ) -> None:
        self._config, self._job, self._check = config, job, check
        self._device = choose_device(config.device)
        half_type(config.precision, self._device)
        self._spec, self._network, self._settings = _read_network(config)
        if config.precision == "auto":
            self._settings["precision"] = f"auto on {self._device.partition(':')[0]}"
        self._network = self._network.to(self._device)
        self._upscalers: dict[bool, Upscaler] = {}
        self._sample, self._suffix = 0, config.suffix
        self._rejected: set[Reject] = set()
        self.skipped = 0
        self.made: list[_Made] = []

    def take_sample(self, number: int) -> None:
        """Enlarge from now on by this noise, where the weights take some."""
        config = self._config
        if self._network.in_channels > COLOURS:
            self._settings["sample"] = number
        elif config.samples is not None:
            raise InputError(
                config.weights,
                "takes no noise: all samples would be equal",
                "give weights that were trained with `noise_channels`, or leave `samples` out",
            )
        self._sample = number
        self._suffix = config.suffix if config.samples is None else f"{config.suffix}-{number + 1}"
        self._upscalers.clear()

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
        job.found("network", f"by {self._spec.describe()}", **self._spec.to_metadata())
        cost = max((upscaler.cost for upscaler in self._upscalers.values()), default=1.0)
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
            self._settings,
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
                    self._check(photo, self._spec.scale)
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
        height, width = (self._spec.scale * side for side in (photo.height, photo.width))
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
            keep_alpha=True,
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
        layout, notes = self._layout(photo)
        may_replace = partial(results.may_replace, scanned)
        try:
            with replacing(path, scratch=self._config.out, may_replace=may_replace) as file:
                try:
                    self._write_rows(file, photo, layout, on_tile)
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

    def _layout(self, photo: Photo) -> tuple[RowLayout, tuple[str, ...]]:
        """Return what the result is, and what is to be said of it."""
        limits, notes = ROW_FORMATS[self._config.format], list(photo.notes)
        deep = photo.pixels.dtype == np.uint16
        if deep and not limits.deep:
            notes.append(f"8 of 16 bits, all that {self._config.format} has")
        keeps_alpha = photo.alpha is not None and limits.alpha
        if photo.alpha is not None and not limits.alpha:
            notes.append("alpha dropped")
        height, width = (self._spec.scale * side for side in photo.pixels.shape[:2])
        # Gray pixels may have a profile for three channels; then they stay three.
        is_gray = "gray" in photo.notes and not is_for_colour(photo.profile)
        layout = RowLayout(
            height=height,
            width=width,
            bits=16 if deep and limits.deep else 8,
            channels=4 if keeps_alpha else 1 if is_gray else 3,
            profile=photo.profile,
        )
        return layout, tuple(notes)

    def _write_rows(
        self, file: BinaryIO, photo: Photo, layout: RowLayout, on_tile: Callable[[int], None]
    ) -> None:
        encoder = open_rows(file, self._config.format, layout)
        dtype = np.uint16 if layout.bits == 16 else np.uint8
        upscaler, scale, top = self._upscaler(deep=layout.bits == 16), self._spec.scale, 0
        for rgb in upscaler.bands(photo.pixels, dtype, on_tile=on_tile):
            bottom = top + len(rgb) // scale
            encoder.write(_with_channels(rgb, photo, layout, (top, bottom)))
            top = bottom
            del rgb  # before there are the next ones
        encoder.finish()

    def _upscaler(self, *, deep: bool) -> Upscaler:
        """Return the upscaler for 16-bit results, or for others."""
        config, device = self._config, self._device
        if deep not in self._upscalers:
            half = half_type(config.precision, device, deep=deep)
            tiler = Tiler(
                self._network,
                tile=config.tile,
                memory=tile_memory(device, config.max_memory),
                half=half is not None,
            )
            self._upscalers[deep] = Upscaler(
                self._network,
                tiler,
                device=device,
                half=half,
                sample=self._sample,
                flips=config.flips,
                mirror=config.mirror,
            )
        return self._upscalers[deep]


def _read_network(config: UpscaleConfig) -> tuple[NetworkSpec, Generator, dict[str, Any]]:
    """Return the network, mixed with the other one if there is one, and all that decides on SR."""
    weights = read_weights(config.weights, scale=config.scale)
    settings: dict[str, Any] = {
        "weights": hash_file(find_weights(config.weights)),
        "scale": weights.spec.scale,
        "flips": config.flips,
        "precision": config.precision,
        "format": config.format,
    }
    if config.keep_profile:  # so that what was made before there was a choice still counts
        settings["keep_profile"] = True
    if config.mirror:  # likewise
        settings["mirror"] = config.mirror
    if config.other is not None and config.alpha is not None:
        other = read_weights(config.other, scale=config.scale)
        try:
            weights = interpolate_weights(weights, other, config.alpha)
        except InvalidValueError as error:
            raise InputError(config.other, str(error), "choose another `other`") from None
        settings |= {"alpha": config.alpha, "other": hash_file(find_weights(config.other))}
    network = network_from_state_dict(weights.state, scale=weights.spec.scale).eval()
    if network.in_channels < COLOURS or network.out_channels != COLOURS:
        channels = f"{network.in_channels} channels to {network.out_channels}"
        raise InputError(config.weights, f"a generator from {channels}", "give one for RGB images")
    if isinstance(network, SRResNet):
        network = fold_batch_norm(network)
    return weights.spec, network, settings


def _is_result(file: SourceFile, config: UpscaleConfig, journal: ResultJournal) -> bool:
    """Tell whether a photo that a search has found is what an earlier run wrote."""
    path, out = file.path.resolve(), config.out.resolve()
    if file.path in config.sources or not path.is_relative_to(out):
        return False
    return journal.knows(str(path.relative_to(out)))


def _with_channels(
    rgb: AnyArray, photo: Photo, layout: RowLayout, rows: tuple[int, int]
) -> AnyArray:
    """Return rows of a result with the channels that its layout states."""
    if layout.channels == 1:
        return to_gray(rgb)
    if layout.channels == 3 or photo.alpha is None:
        return rgb
    scale = len(rgb) // (rows[1] - rows[0])
    alpha = enlarge_channel(photo.alpha, scale, *rows)
    return np.dstack((rgb, to_u8(alpha) if layout.bits == 8 else alpha))
