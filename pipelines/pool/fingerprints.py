"""``degrade fingerprint``: a camera's pool as one small file, to be given to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from degrade.degradation.index import MATCHED
from degrade.disk.results import Results
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.pool import DegradationPool
from degrade.pool.camera_groups import NAMED, name_of_camera
from degrade.pool.fingerprint import KEPT
from degrade.pool.fingerprint_making import make_fingerprint
from degrade.pool.records import IMPORTED
from degrade.wording import byte_text, counted, most_first
from pipelines.shared.job import Job
from pipelines.shared.reports import RunReport

__all__ = ["FingerprintConfig", "cameras_of", "write_fingerprint"]

_SUFFIX = ".json"
_COMMAND = "fingerprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintConfig:
    """What is told of a pool, and where.

    Attributes
    ----------
    pool : Path
    out : Path
        The file to write, NAME.json.
    camera : str or None
        Only of photos whose camera's name has this in it, whatever the capitals; None: of all.
    names : bool
        Keep the names of the photos' files.
    overwrite : bool
        Replace a file that is there, whoever made it.
    """

    pool: Path
    out: Path
    camera: str | None = None
    names: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.out.suffix.lower() != _SUFFIX:
            raise InvalidValueError(
                f"a fingerprint's name must end in {_SUFFIX}, got {printable(self.out)}"
            )
        if self.camera is not None and not self.camera.strip():
            raise InvalidValueError("`camera` must be a part of a camera's name, got nothing")


def write_fingerprint(config: FingerprintConfig) -> RunReport:
    """Write the fingerprint of a pool.

    Raises
    ------
    DegradeError
        The pool cannot be read, tells nothing of such a camera, or the file cannot be written.
    """
    job = Job(_COMMAND, "fingerprint")
    results = Results.at(config.out, _COMMAND, overwrite=config.overwrite)
    results.require_free([config.out])
    pool = DegradationPool.open(config.pool)
    pool.check_matches()
    cameras = cameras_of(pool)
    chosen = None
    if config.camera is not None:
        wanted = config.camera.casefold()
        chosen = {sha for sha, name in cameras.items() if wanted in name.casefold()}
        if not chosen:
            known = ", ".join(map(printable, sorted(set(cameras.values())))) or "none is known"
            raise DegradeError(
                f"{printable(config.pool)} has no photo of a camera like "
                f"{printable(config.camera)!r}; cameras: {known}"
            )
    encoded = make_fingerprint(pool, photos=chosen, names=config.names)
    results.write(config.out, encoded)
    made = DegradationPool.open(config.out)
    words = (
        f"{counted(len(made.kernels), 'kernel')} and what was measured in "
        f"{counted(len(made.measured_photos), 'photo')}, {byte_text(len(encoded))}"
    )
    job.found("fingerprint", words, bytes=len(encoded), kernels=len(made.kernels))
    _tell_of_kernels(job, made, pool, chosen)
    _tell_of_cameras(job, {sha: cameras[sha] for sha in chosen or cameras}, all_of_them=not chosen)
    left_out = sorted({m.kind for m in pool.measurements if m.objects is None} - set(KEPT))
    if left_out:
        job.found("left_out", f"not told of: {', '.join(left_out)}", kinds=left_out)
    return job.report(1)


def cameras_of(pool: DegradationPool) -> dict[str, str]:
    """Return the camera of each photo that tells it, or of which the user did, by sha256."""
    found = {m.photo: str(m.values.get("camera", "")) for m in pool.drawn_values("noise-model")}
    for measured in pool.drawn_values("camera"):
        name = name_of_camera(measured.values)
        if name or NAMED in measured.values:
            found[measured.photo] = name
    return {photo: name for photo, name in found.items() if name}


def _tell_of_kernels(
    job: Job, made: DegradationPool, pool: DegradationPool, chosen: Collection[str] | None
) -> None:
    """Tell of how many photos, and files of imported kernels, kernels are kept, if not of all."""
    photos = {
        kernel.id: kernel.provenance.source_sha256
        for kernel in pool.kernels
        if chosen is None or kernel.provenance.source_sha256 in chosen
    }
    known = [kernel.provenance for kernel in pool.kernels]
    files = {each.source_sha256 for each in known if each.method == IMPORTED}
    for scale in sorted({kernel.scale for kernel in pool.kernels}):
        kept, there = (source.index(scale, (MATCHED,)) for source in (made, pool))
        for what, few, all_of_them in (
            ("kernels", kept.kernels_by_photo, there.kernels_by_photo),
            (f"recipe {MATCHED}, kernels", kept.matched_by_photo, there.matched_by_photo),
        ):
            of = sum(any(key in photos for key in group) for group in all_of_them)
            if len(few) < of:
                unit = "photo"
                if any(photos.get(key) in files for group in all_of_them for key in group):
                    unit = "source"
                words = (
                    f"×{scale}, {what} of {len(few)} of {counted(of, unit)}: an even choice by "
                    "their width, each as likely as the others"
                )
                job.found("chosen", words, scale=str(scale), kept=len(few), photos=of)


def _tell_of_cameras(job: Job, cameras: dict[str, str], *, all_of_them: bool) -> None:
    counts = most_first(Counter(cameras.values()))
    if len(counts) > 1 and all_of_them:
        listed = ", ".join(f"{printable(name)} ({count})" for name, count in counts[:6])
        words = (
            f"photos of {len(counts)} cameras or settings in one fingerprint: {listed}; "
            "`camera` chooses one"
        )
        job.found("cameras", words, cameras=dict(counts))
