"""The whole job on photos that come inside scikit-image: no download, a few minutes, one picture.

The photos play a camera whose blur is known: each is downsampled by a kernel of our choice and
gets sensor-like noise. From these alone the toolkit estimates the kernels, collects the noise,
builds pairs from other, clean photos, and trains the smallest model on them for a moment. Because
the truth is known, the picture can show estimated kernels beside true ones.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.steps import Response
from degrade.disk.files import make_folder
from degrade.disk.processes import is_temporary
from degrade.disk.results import Results, refuse_taken
from degrade.errors import DegradeError, InvalidValueError, MissingDependencyError, printable
from degrade.images.image_io import encode_png, quantise, read_photo
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.noise import NoiseSelection
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, KernelRecord
from degrade.resample import imresize
from degrade.rng import rng_for
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network
from pipelines.demo.picture import DemoResults, KernelComparison, draw_demo
from pipelines.executors import Executor
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.pairs.build_pairs import BuildPairsConfig, build_pairs
from pipelines.pool.build_pool import BuildPoolConfig, build_pool
from pipelines.shared.interrupts import Interrupted
from pipelines.shared.job import Job
from pipelines.shared.reports import Fact, ProgressCallback, RunReport
from pipelines.training.train import TrainConfig, train

__all__ = ["DemoConfig", "run_demo"]

SCALE = 2
_CAMERA_PHOTOS = ("astronaut", "camera", "coffee", "rocket")
_CLEAN_PHOTOS = ("astronaut", "camera", "coffee", "rocket", "ihc")
_UNSEEN_PHOTO = "chelsea"
_MARKER = ".degrade-demo"

_PICTURE = re.compile(r"demo\.png|(src|hr)/\w+\.png")
_MADE = re.compile(
    r"\.degrade-demo|((pool|model)/)?\.degrade\.jsonl|src|hr|pool|pairs|model"
    r"|(pool|pairs|model)/(\.lock|rejects\.jsonl)"
    r"|pool/(pool\.json|index\.jsonl|(kernels|noise)(/[0-9a-f]{32}\.npy)?)"
    r"|pairs/((run|manifest)\.json|shard-\d+\.(h5|json))"
    r"|model/(training\.json|(log|validation)\.jsonl|(generator|discriminator|best)\.pth|(preview|curves)\.png)"
    r"|model/checkpoint-\d+\.(pt|json)"
)
"""What a demo makes, besides pictures: those are known by their hashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """The settings of ``degrade demo``.

    Attributes
    ----------
    out : Path
        A folder of its own: it is emptied first if an earlier demo made it.
    seed : int
    train_steps : int
    """

    out: Path
    seed: int = 0
    train_steps: int = 250

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InvalidValueError(f"seed must be at least 0, got {self.seed}")


def run_demo(
    config: DemoConfig,
    *,
    executor: Executor | None = None,
    on_stage: Callable[[str], ProgressCallback],
) -> RunReport:
    """Run the whole chain and draw ``demo.png``.

    Parameters
    ----------
    config : DemoConfig
    executor : Executor or None
        Where kernels are estimated and pairs are built; None: in this process.
    on_stage : callable
        Called with the name of each stage; returns where the stage reports its progress.

    Raises
    ------
    MissingDependencyError
        scikit-image or matplotlib are not there.
    DegradeError
        The output folder holds something else than an earlier demo.
    Interrupted
        A signal ended one of the stages.
    """
    job = Job("demo", "whole chain")
    originals = _load_photos()
    files = _prepare_folder(config.out)
    truths = _take_photos(config, originals, files)

    pool = config.out / "pool"
    sources = (config.out / "src",)
    pool_config = BuildPoolConfig(
        kernels=EstimateKernelsConfig(sources=sources, pool=pool, scale=SCALE, seed=config.seed),
        noise=ExtractNoiseConfig(
            sources=sources,
            pool=pool,
            selection=NoiseSelection(patch_size=24, stride=8, max_variance=8),
        ),
    )
    report = build_pool(
        pool_config, executor=executor, on_progress=on_stage("estimate kernels, collect noise")
    )
    _end_if_interrupted(report)
    job.facts += report.facts

    pairs = config.out / "pairs"
    pair_config = BuildPairsConfig(
        pool=pool,
        out=pairs,
        hr=(config.out / "hr",),
        scale=SCALE,
        hr_size=128,
        omitted=(Response.kind,),  # this camera does not sharpen
        seed=config.seed,
    )
    report = build_pairs(pair_config, executor=executor, on_progress=on_stage("build pairs"))
    _end_if_interrupted(report)
    job.facts += _told(report)

    training = TrainConfig(
        pairs=pairs,
        out=config.out / "model",
        preset="tiny",
        steps=config.train_steps,
        seed=config.seed,
    )
    report = train(training, on_progress=on_stage("train the tiny model"))
    _end_if_interrupted(report)
    job.facts += _told(report)

    picture = config.out / "demo.png"
    files.write(picture, draw_demo(_results(config, truths, originals[_UNSEEN_PHOTO])))
    job.found("picture", f"the picture: {printable(picture)}", path=str(picture))
    return job.report(1)


def _told(report: RunReport) -> list[Fact]:
    """Return what a stage tells as facts of the demo: its first line, then its own facts."""
    head = report.summary().splitlines()[0]
    counts = {"job": report.job, "done": report.done, "seconds": report.seconds}
    inner = [replace(fact, words=f"  {fact.words}") for fact in report.facts]
    return [Fact("stage", head, counts), *inner]


def _end_if_interrupted(report: RunReport) -> None:
    """Let a signal that has ended a stage end the demo too."""
    if report.interrupted is not None:
        raise Interrupted(report.interrupted)


def _load_photos() -> dict[str, FloatArray]:
    try:
        from skimage import data
    except ImportError:
        raise MissingDependencyError(
            "the demo's photos come with scikit-image: pip install 'degrade[demo]'"
        ) from None
    folder = Path(data.__file__).parent
    files = {
        "astronaut": "astronaut.png",
        "coffee": "coffee.png",
        "rocket": "rocket.jpg",
        "camera": "camera.png",
        "ihc": "ihc.png",
        "chelsea": "chelsea.png",
    }
    return {name: read_photo(folder / file).as_float() for name, file in files.items()}


def _prepare_folder(out: Path) -> Results:
    """Make the folder, without what an earlier demo has made there; return what is kept in it."""
    if out.exists():
        if not out.is_dir() or (any(out.iterdir()) and not (out / _MARKER).exists()):
            raise DegradeError(
                f"{printable(out)} is or holds something else than a demo; choose another `out`"
            )
        _require_own(out)
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / _MARKER).touch()
    return Results(out, "demo")


def _require_own(out: Path) -> None:
    """Refuse to empty a folder in which there is more than a demo has made."""
    pictures, foreign = [], []
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if _PICTURE.fullmatch(name):
            pictures.append(path)
        elif path.is_symlink() or not (_MADE.fullmatch(name) or is_temporary(path.name)):
            foreign.append(path)
    remedy = "move that away, or choose another `out`"
    refuse_taken(foreign, remedy)
    Results(out, "demo", remedy=remedy).require_free(pictures)


def camera_kernel(name: str) -> BlurKernel:
    """Return the blur of the demo's camera for one photo: the same lens, another focus."""
    wide, narrow, degrees = {
        "astronaut": (2.3, 1.4, 30), "camera": (2.0, 1.2, 60), "coffee": (1.9, 1.5, 100),
        "rocket": (2.4, 1.5, 150), "chelsea": (2.1, 1.4, 45),
    }[name]  # fmt: skip
    return gaussian_kernel(13, SCALE, (wide, narrow), np.deg2rad(degrees))


def photograph(scene: FloatArray, kernel: BlurKernel, rng: np.random.Generator) -> FloatArray:
    """Return what the demo's camera makes of a scene: blur, sampling, sensor noise.

    Shot noise grows with brightness, read noise does not; both are a little correlated, as
    after demosaicing.
    """
    height, width = (side - side % SCALE for side in scene.shape[:2])
    clean = downsample(scene[:height, :width], kernel)
    white = rng.standard_normal(clean.shape, dtype=np.float32)
    grain = 0.8 * white + 0.35 * np.roll(white, 1, axis=0) + 0.35 * np.roll(white, 1, axis=1)
    sigma = np.sqrt(2.0**2 + 6.0 * np.clip(clean, 0, 1)) / 255
    photo: FloatArray = np.clip(clean + sigma * grain, 0.0, 1.0).astype(np.float32)
    return photo


def _take_photos(
    config: DemoConfig, originals: dict[str, FloatArray], files: Results
) -> dict[str, BlurKernel]:
    """Write the camera's photos to ``src/`` and the clean ones to ``hr/``; return the truths."""
    truths = {}
    for folder in ("src", "hr"):
        make_folder(config.out / folder)
    for name in _CAMERA_PHOTOS:
        truths[f"{name}.png"] = camera_kernel(name)
        rng = rng_for(config.seed, "demo camera", name)
        photo = photograph(originals[name], camera_kernel(name), rng)
        files.write(config.out / "src" / f"{name}.png", encode_png(quantise(photo)))
    for name in _CLEAN_PHOTOS:
        files.write(config.out / "hr" / f"{name}.png", encode_png(quantise(originals[name])))
    return truths


def _compare(truth: BlurKernel, pool: DegradationPool, record: KernelRecord) -> KernelComparison:
    known = record.provenance
    return KernelComparison(
        truth=truth.weights,
        estimate=pool.read_kernel(record.id).weights,
        method=known.method,
        expected_kpsnr=known.values["expected_kpsnr"],
    )


def _results(config: DemoConfig, truths: dict[str, BlurKernel], scene: FloatArray) -> DemoResults:
    pool = DegradationPool.open(config.out / "pool")
    records = {record.provenance.source_name: record for record in pool.kernels}
    names = sorted(truths.keys() & records.keys())
    photos = [(name, read_photo(config.out / "src" / name).as_float()) for name in names]
    noise = [pool.read_residual(record.id) for record in pool.noise[:10]]
    with open_pairs(config.out / "pairs") as reader:
        rows = np.linspace(0, len(reader) - 1, 4).astype(int)
        pairs = [reader.read(int(row)) for row in rows]

    generator = read_network(config.out / "model" / "generator.pth")
    height, width = (side - side % SCALE for side in scene.shape[:2])
    kernel = camera_kernel(_UNSEEN_PHOTO)
    unseen = photograph(scene, kernel, rng_for(config.seed, "demo camera", _UNSEEN_PHOTO))
    return DemoResults(
        photos=photos,
        noise=noise,
        pairs=pairs,
        unseen_lr=unseen,
        kernels=[_compare(truths[name], pool, records[name]) for name in names],
        bicubic=np.clip(imresize(unseen, SCALE), 0, 1),
        sr=upscale(unseen, generator),
        truth=scene[:height, :width],
    )
