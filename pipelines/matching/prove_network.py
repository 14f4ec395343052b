"""A small network trained on pairs and on bicubic ones of the same HR, and judged by others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from degrade.arrays import U8Array
from degrade.audit.proof import Table
from degrade.audit.scores import score_planes
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.images.image_io import encode_png
from degrade.luma import luma_studio
from pipelines.matching.judges import Judge
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.job import Job

if TYPE_CHECKING:
    from esrgan.networks import Generator

__all__ = ["PRESET", "LearnedPair", "check_networks_folder", "judge_by_network"]

PRESET = "tiny"
BICUBIC, OWN = "bicubic", "pairs"
"""Names of folders: what the two networks learn from."""

LearnedPair = tuple[U8Array, U8Array, U8Array]
"""LR, bicubic LR and HR."""


def check_networks_folder(out: Path, scale: int) -> None:
    """Say what would keep networks from being trained there, before anything is judged.

    Parameters
    ----------
    out : Path
        Need not exist.
    scale : int
        Of the pairs.

    Raises
    ------
    InvalidValueError
        The folder is another job's, or the network has no such scale.
    """
    from esrgan.training.construction import check_networks
    from pipelines.training.plan import plan_stages

    for name, kind in FOLDER_KINDS.items():
        if (out / name).exists():
            raise InvalidValueError(
                f"{printable(out)} holds {kind}; choose another folder for the networks (`out`)"
            )
    for stage in plan_stages(preset=PRESET):
        check_networks(stage.config, scale)


def judge_by_network(
    job: Job,
    learned: Sequence[LearnedPair],
    judges: Sequence[Judge],
    out: Path,
    steps: int,
    seed: int,
) -> tuple[Table, Table] | None:
    """Return the scores of two networks, one learned from bicubic pairs and one from these.

    Both are trained by L1 alone, as `degrade train` does it: what was stopped goes on.

    Parameters
    ----------
    job : Job
        Told of the steps; interrupted when a signal ended the training.
    learned : sequence of LearnedPair
    judges : sequence of Judge
    out : Path
        Keeps images, pairs and networks, each in a folder of its own.
    steps, seed : int
        Of each training.

    Returns
    -------
    two (N, 5) float64 arrays, or None
        A row for each judge; None when the training was interrupted.

    Raises
    ------
    DegradeError
        The folder holds other files, or is one of another job, or the training cannot be begun.
    """
    _write_images(out, learned)
    tables = []
    for number, name in enumerate((BICUBIC, OWN)):
        network = _trained(job, out, name, steps, seed, before=number * steps)
        if network is None:
            return None
        tables.append(np.array([_score(network, judge) for judge in judges]))
    return tables[0], tables[1]


def _write_images(out: Path, learned: Sequence[LearnedPair]) -> None:
    results = Results(out, "prove", remedy="choose another folder (`out`)")
    named = [
        (out / folder / f"{number:05}.png", image)
        for number, (lr, bicubic, hr) in enumerate(learned)
        for folder, image in ((f"LR-{OWN}", lr), (f"LR-{BICUBIC}", bicubic), ("HR", hr))
    ]
    results.require_free([path for path, _ in named])
    wanted = {path for path, _ in named}
    for folder in (f"LR-{OWN}", f"LR-{BICUBIC}", "HR"):
        if more := sorted(set((out / folder).glob("*")) - wanted):
            raise InvalidValueError(
                f"{printable(more[0])} is of other pairs; choose another folder (`out`)"
            )
    for path, image in named:
        make_folder(path.parent)
        results.write(path, encode_png(image), mend=True)


def _trained(
    job: Job, out: Path, name: str, steps: int, seed: int, *, before: int
) -> Generator | None:
    """Return the network that was learned from one kind of pairs; None: it was interrupted."""
    from esrgan.weights.files import read_network
    from pipelines.training.train import TrainConfig, train

    pairs, model = out / name, out / f"model-{name}"
    imported = import_pairs(ImportPairsConfig(hr=out / "HR", lr=out / f"LR-{name}", out=pairs))
    if imported.rejects:
        raise DegradeError(f"{imported.rejects[0].path}: {imported.rejects[0].reason}")
    config = TrainConfig(
        pairs=pairs,
        out=model,
        preset=PRESET,
        settings=(f"pixel_steps={steps}",),
        steps=steps,
        seed=seed,
    )
    report = train(config, on_progress=lambda done, total: job.progress(before + done, 2 * steps))
    if report.interrupted is not None:
        job.interrupted = report.interrupted
        return None
    return read_network(model / "generator.pth")


def _score(network: Generator, judge: Judge) -> tuple[float, ...]:
    from esrgan.upscaling.upscaler import upscale

    enlarged = luma_studio(upscale(judge.lr_u8, network)).astype(np.float32)
    return score_planes(enlarged, judge.hr, border=network.scale).values()
