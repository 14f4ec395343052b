"""``degrade detect-artifacts``: where a GAN's results break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.artifacts import (
    ADE20K_CLASSES,
    DetectionSettings,
    MaskAgreement,
    Region,
    TextureWeights,
    calibrate,
    class_weights,
)
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.field_names import parse_name
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject, find_images
from degrade.wording import counted
from pipelines.artifacts.one_image import MAPS, Found, ImageTask, find_in_image, sample_image
from pipelines.artifacts.segmenting import Segmenter
from pipelines.artifacts.table import TABLE, encode_regions
from pipelines.artifacts.twins import Companions, Twins, find_twins
from pipelines.executors import Executor, InProcessExecutor
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, RunReport, no_progress, usual_reason

__all__ = ["ArtifactsConfig", "find_artifacts"]

_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactsConfig:
    """The settings of ``degrade detect-artifacts``.

    Attributes
    ----------
    sources : tuple of Path
        LR photos, which both networks enlarge; none: ``mse`` and ``gan`` are folders of results.
    mse, gan : Path
        Weights, or folders of results; the first of a network that was trained by pixels alone.
    out : Path
        Folder for masks, overlays and the table, and for the results where there are sources.
    clean : tuple of Path
        Those of the photos or of the results that show no artefacts: they calibrate, and are not
        judged.
    labels : Path or None
        Folder of label maps, a gray image each with the numbers of classes.
    segmenter : Path or None
        An ONNX network that makes them.
    classes : Path or None
        Names of the classes, a line each, from number 0 on; None: ADE20K's.
    truth : Path or None
        Folder of masks, white where people see artefacts.
    mse_name : str or None
        How MSE results are called, ``{name}`` being the GAN's; None: as import-pairs pairs names.
    threshold, min_area
        See :class:`degrade.artifacts.DetectionSettings`.
    maps : bool
        Write every map on the way, too.
    mirror : int
        LR pixels by which photos are mirrored on while they are enlarged.
    device : str
    max_memory : float or None
        GiB; see :class:`pipelines.upscaling.upscale.UpscaleConfig`.
    overwrite : bool
        Replace files that no such run has made.
    max_pixels : int
    """

    sources: tuple[Path, ...] = ()
    mse: Path
    gan: Path
    out: Path
    clean: tuple[Path, ...] = ()
    labels: Path | None = None
    segmenter: Path | None = None
    classes: Path | None = None
    truth: Path | None = None
    mse_name: str | None = None
    threshold: float = 0.7
    min_area: int = 4000
    maps: bool = False
    mirror: int = 0
    device: str = "auto"
    max_memory: float | None = None
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        DetectionSettings(threshold=self.threshold, min_area=self.min_area)
        given = [self.labels is not None, self.segmenter is not None, bool(self.clean)]
        if sum(given) > 1:
            raise InvalidValueError(
                "`labels`, `segmenter` and `clean` are three ways to the same weights: give one"
            )
        if self.classes is not None and not any(given[:2]):
            raise InvalidValueError("`classes` names what `labels` or `segmenter` number: give one")
        for side, path in (("mse", self.mse), ("gan", self.gan)):
            if not self.sources and not path.is_dir():
                raise InvalidValueError(
                    f"`{side}={printable(path)}` is no folder of results; of weights the LR photos "
                    "are needed too"
                )


def find_artifacts(
    config: ArtifactsConfig,
    *,
    executor: Executor | None = None,
    on_enlarge: ProgressCallback | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Flag areas, rank them by how visible they are, and draw them.

    Parameters
    ----------
    config : ArtifactsConfig
    executor : Executor or None
        Where results are judged; None: in this process.
    on_enlarge : callable or None
        Called while both networks enlarge photos with (pixels done, pixels to do).
    on_progress : callable or None
        Called with (images done, images to do), those that calibrate among them.

    Raises
    ------
    DegradeError
        No photo can be used, weights or a segmenter are unfit, or a file cannot be written.
    """
    job = Job("detect-artifacts", "image", on_progress, goes_on=False)
    executor = executor or InProcessExecutor()
    weights = _class_weights(config, job)
    mse, gan = _results(config, job, on_enlarge or no_progress)
    if not config.sources:
        job.tell_passed_over([mse, gan])
    twins = find_twins(job, mse, gan, mse_name=config.mse_name, max_pixels=config.max_pixels)
    clean, judged = _apart(config, twins)
    textures = _textures(config, job, executor, clean, len(twins)) if clean else None
    if not judged:
        raise DegradeError("every result is said to be clean: nothing is left to judge")
    tasks = _tasks(config, job, judged, textures, weights)
    results = Results(config.out, "detect-artifacts", overwrite=config.overwrite)
    results.require_free([config.out / TABLE, *_places(config, tasks)])
    found: dict[str, Found] = {}
    with job.stoppable():
        for done, result in enumerate(executor.run(find_in_image, tasks), 1):
            name = tasks[result.index].twins.name
            try:
                one = result.get()
            except InputError as error:
                job.rejects.append(Reject.from_error(error))
            else:
                for folder, data in one.files.items():
                    _write(results, config.out / folder / f"{name}.png", data)
                one.files.clear()
                found[name] = one
            job.progress(len(clean) + done, len(clean) + len(tasks))
    if not found and job.interrupted is None:
        raise _nothing_judged(job)
    job.rejects.sort(key=lambda reject: reject.path)
    ranked = sorted(
        ((name, region) for name, one in found.items() for region in one.regions),
        key=lambda each: (-each[1].visibility, each[0], each[1].number),
    )
    if found:
        _write(results, config.out / TABLE, encode_regions(ranked))
        _tell(job, found, ranked, config)
    return job.report(len(found))


def _results(config: ArtifactsConfig, job: Job, on_enlarge: ProgressCallback) -> tuple[Path, Path]:
    """Return the folders of both results; make them first where weights are given."""
    if not config.sources:
        return config.mse, config.gan
    # It needs torch, which takes three times as long to import as all that results need.
    from pipelines.artifacts.enlarging import enlarge_by_both

    return enlarge_by_both(
        config.sources,
        config.mse,
        config.gan,
        config.out,
        job=job,
        on_progress=on_enlarge,
        device=config.device,
        mirror=config.mirror,
        max_memory=config.max_memory,
        max_pixels=config.max_pixels,
    )


def _class_weights(config: ArtifactsConfig, job: Job) -> dict[int, float]:
    if config.labels is None and config.segmenter is None:
        return {}
    if config.segmenter is not None:
        Segmenter(config.segmenter)
    names: Sequence[str] = ADE20K_CLASSES
    if config.classes is not None:
        try:
            names = config.classes.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise InputError(
                config.classes, "cannot be read as text", "write a class's name in each line"
            ) from None
    weights, unknown = class_weights(names)
    if unknown:
        few = ", ".join(map(printable, unknown[:5]))
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        job.found(
            "classes",
            f"classes that nothing is known of have weight 1: {few}{more}",
            unknown=unknown,
        )
    return weights


def _apart(config: ArtifactsConfig, twins: Sequence[Twins]) -> tuple[list[Twins], list[Twins]]:
    """Return what calibrates, and what is judged."""
    wanted: dict[str, Path] = {}
    for path in config.clean:
        if path.is_dir():
            wanted |= {_bare(file.name): file.path for file in find_images([path])[0]}
        else:
            wanted[_bare(path.name)] = path
    clean = [each for each in twins if _names(each) & set(wanted)]
    missing = set(wanted).difference(*map(_names, clean))
    if missing:
        path = wanted[min(missing)]
        raise DegradeError(
            f"{printable(path)} is said to be clean, and no result has its name; give photos or "
            "results of this run"
        )
    return clean, [each for each in twins if each not in clean]


def _names(twins: Twins) -> set[str]:
    """Return what a photo that has these results may be called; the results are, too."""
    return {_bare(twins.photo + twins.gan.suffix), _bare(twins.gan.name), _bare(twins.mse.name)}


def _bare(name: str) -> str:
    """Return what the names of a photo and of its results share, without folders."""
    return Path(parse_name(Path(name).name).bare).name.casefold()


def _textures(
    config: ArtifactsConfig, job: Job, executor: Executor, clean: Sequence[Twins], images: int
) -> TextureWeights:
    samples = []
    tasks = [(each, config.max_pixels) for each in clean]
    for done, result in enumerate(executor.run(sample_image, tasks), 1):
        job.progress(done, images)
        try:
            samples.append(result.get())
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
    if not samples:
        raise DegradeError("none of the clean results can be used")
    # Counts are added: in whatever order they come, the sum is the same.
    found = calibrate(samples)
    job.found(
        "calibration",
        f"calibrated by {counted(len(samples), 'clean result')}: texture by strength weighs "
        + ", ".join(f"{weight:.2f}" for weight in found.weights),
        weights=list(found.weights),
        pixels=list(found.pixels),
    )
    return found


def _tasks(
    config: ArtifactsConfig,
    job: Job,
    twins: Sequence[Twins],
    textures: TextureWeights | None,
    weights: dict[int, float],
) -> list[ImageTask]:
    sides = {
        name: None if folder is None else Companions(job, folder, twins, config.max_pixels)
        for name, folder in (("labels", config.labels), ("truth", config.truth))
    }
    tasks = []
    for each in twins:
        paths = {name: files and files.of(each) for name, files in sides.items()}
        missing = ""
        for name, files in sides.items():
            if files is not None and paths[name] is None:
                missing = "label map" if name == "labels" else "mask of the truth"
        if missing:
            job.rejects.append(Reject(str(each.gan), f"no {missing} has its name", "add it"))
            continue
        task: dict[str, Any] = {"textures": textures, "class_weights": weights, **paths}
        tasks.append(
            ImageTask(
                twins=each,
                settings=DetectionSettings(threshold=config.threshold, min_area=config.min_area),
                segmenter=config.segmenter,
                maps=config.maps,
                max_pixels=config.max_pixels,
                **task,
            )
        )
    if not tasks:
        raise _nothing_judged(job)
    return tasks


def _nothing_judged(job: Job) -> DegradeError:
    number = counted(len(job.rejects), "image")
    return DegradeError(f"no result can be judged, {number} rejected: {usual_reason(job.rejects)}")


def _places(config: ArtifactsConfig, tasks: Sequence[ImageTask]) -> list[Path]:
    folders = ("masks", "overlays", *(MAPS if config.maps else ()))
    return [config.out / side / f"{task.twins.name}.png" for task in tasks for side in folders]


def _write(results: Results, path: Path, data: bytes) -> None:
    make_folder(path.parent)
    results.write(path, data)


def _tell(
    job: Job,
    found: dict[str, Found],
    ranked: Sequence[tuple[str, Region]],
    config: ArtifactsConfig,
) -> None:
    flagged, pixels = (
        sum(getattr(one, part) for one in found.values()) for part in ("flagged", "pixels")
    )
    broken = sum(bool(one.regions) for one in found.values())
    share = flagged / pixels if pixels else 0.0
    job.found(
        "flagged",
        f"{counted(len(ranked), 'area')} flagged in {broken} of {counted(len(found), 'image')}: "
        f"{share:.2%} of all pixels",
        areas=len(ranked),
        images=broken,
        share=share,
    )
    for rank, (name, region) in enumerate(ranked[:_LISTED], 1):
        size = f"{region.width}×{region.height} at {region.left}, {region.top}"
        words = f"{rank}. {printable(name)}: {size}, visibility {region.visibility:.2f}"
        job.found(
            "area",
            words,
            image=name,
            rank=rank,
            box=[region.left, region.top, region.width, region.height],
            visibility=region.visibility,
        )
    if len(ranked) > _LISTED:
        job.found("more", f"and {len(ranked) - _LISTED} less visible ones in {TABLE}")
    unknown = Counter(number for one in found.values() for number in one.unknown)
    if unknown:
        words = ", ".join(map(str, sorted(unknown)[:8]))
        job.found(
            "labels", f"labels that no class has, of weight 1: {words}", labels=sorted(unknown)
        )
    agreements = [one.agreement for one in found.values() if one.agreement is not None]
    if agreements:
        _tell_agreement(job, agreements)
    job.found(
        "folder", f"masks, overlays and {TABLE} in {printable(config.out)}", path=str(config.out)
    )


def _tell_agreement(job: Job, agreements: Sequence[MaskAgreement]) -> None:
    total = agreements[0]
    for each in agreements[1:]:
        total += each

    def share(value: float | None, nothing: str) -> str:
        return nothing if value is None else f"{value:.1%}"

    job.found(
        "truth",
        f"against the marked areas: IoU {total.mean_iou:.1%}, precision "
        f"{share(total.precision, 'unknown, nothing was flagged')}, recall "
        f"{share(total.recall, 'unknown, nothing was marked')}",
        iou=total.mean_iou,
        precision=total.precision,
        recall=total.recall,
    )
