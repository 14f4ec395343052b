"""Time the peers' own code, where you have it, against this toolkit's.

    python -m benchmarks.peers PHOTO… [--realsr FOLDER] [--kernelgan FOLDER] [--basicsr FOLDER]
        [--python PROGRAM] [--json FILE]

Folders are checkouts: Tencent/Real-SR, sefibk/KernelGAN, XPixelGroup/BasicSR. Each runs in
processes of its own, by the interpreter ``--python``, which must have what it imports (torchvision;
KernelGAN imports TensorFlow, too). Nothing of theirs is part of this project; see their licences
before you run them. RealSR's script for pairs imports a file of KernelGAN: it needs both folders.

Times are CPU time of one core. RealSR's scripts see each photo several times, and the time of a run
that sees it once is taken off, with that of starting. KernelGAN is stopped after some iterations.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from scipy.io import savemat

from benchmarks import pair_building, training_reader
from benchmarks.kernelgan_speed import load, milliseconds, prepare
from benchmarks.noise_extraction import PATCH
from benchmarks.parts import seconds, write_json
from degrade.disk.processes import keep_freed_memory
from degrade.kernels import gaussian_kernel
from degrade.noise import NoiseSelection
from kernelgan.config import KernelGANConfig
from pipelines.measuring.extract_noise import ExtractNoiseConfig, NoNoiseError, extract_noise

RUNNER = Path(__file__).with_name("peer_process.py")
ROUNDS = 3
WARM_UP, ITERATIONS = 10, 40
"""Of KernelGAN."""
SAMPLES = 320
_COUNT = re.compile(rb"(\d+)/\d+ \[")


class PeerError(Exception):
    """A peer's code did not run; the text says why."""


class Peer:
    """Runs scripts of peers.

    Parameters
    ----------
    python : str
        The interpreter.
    """

    def __init__(self, python: str) -> None:
        self._python = python

    def command(self, *words: object) -> list[str]:
        """Return the command that runs a script."""
        return [self._python, str(RUNNER), *map(str, words)]

    def run(
        self, *words: object, folder: Path | None = None, paths: Sequence[Path] = ()
    ) -> tuple[float, str]:
        """Run a script to its end in a folder; return its CPU seconds, and what it printed.

        Raises
        ------
        PeerError
        """
        before = _spent()
        done = subprocess.run(
            self.command(*words),
            cwd=folder,
            env=_environment(paths),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise PeerError((done.stderr.strip().splitlines() or ["no word of why"])[-1])
        return _spent() - before, done.stdout


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(paths: Sequence[Path]) -> Mapping[str, str]:
    """Return the environment with one thread and the folders that a script imports from."""
    known = [path for path in [os.environ.get("PYTHONPATH")] if path]
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([*map(str, paths), *known]),
    }


@contextmanager
def _realsr(checkout: Path, kernelgan: Path | None) -> Iterator[Callable[..., Any]]:
    """Give what runs a script of RealSR on some photos, in a copy of its code."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        codes = work / "codes"
        shutil.copytree(checkout / "codes" / "preprocess", codes / "preprocess")
        if kernelgan is not None:
            (codes / "KernelGAN").symlink_to(kernelgan.resolve())

        def run(
            peer: Peer, script: str, photos: Sequence[Path], copies: int, *words: object
        ) -> float:
            for name in ("photos", "none", "out"):
                shutil.rmtree(work / name, ignore_errors=True)
            for name in ("photos", "none"):
                (work / name).mkdir()
            for photo in photos:
                for copy in range(copies):
                    (work / "photos" / f"{copy}_{photo.name}").symlink_to(photo.resolve())
            if script == "collect_noise.py":
                (work / "out").mkdir()  # the other script must make it itself
            where = {name: str(work / name) for name in ("photos", "none", "out")}
            settings = {
                "dped": {"clean": {"hr": {"train": where["photos"], "valid": where["none"]}}},
                "datasets": {"dped": where["out"]},
            }
            # JSON is YAML, too.
            (codes / "preprocess" / "paths.yml").write_text(json.dumps(settings))
            words = ("--dataset", "dped", "--artifacts", "clean", "--cleanup_factor", 1, *words)
            paths = (codes / "preprocess", codes)
            script = f"preprocess/{script}"
            return peer.run(codes / script, *words, folder=codes, paths=paths)[0]

        yield run


def _a_photo(run: Callable[[int], float], photos: int, copies: int) -> float:
    """Return the milliseconds for a photo: of some copies more, so without starting."""
    rounds = [run(1 + copies) - run(1) for _ in range(ROUNDS)]
    return 1000 * statistics.median(rounds) / (photos * copies)


def compare_noise(peer: Peer, photos: Sequence[Path], checkout: Path) -> dict[str, float]:
    """Return milliseconds a photo of RealSR's collection of noise and of extract-noise."""
    with _realsr(checkout, None) as run, tempfile.TemporaryDirectory() as folder:

        def ours(some: Sequence[Path]) -> float:
            pool = Path(folder) / "pool"
            shutil.rmtree(pool, ignore_errors=True)
            selection = NoiseSelection(patch_size=PATCH)
            config = ExtractNoiseConfig(sources=tuple(some), pool=pool, selection=selection)
            return seconds(lambda: _extract(config))

        ours(photos[:1])  # imports
        theirs = _a_photo(
            lambda copies: run(peer, "collect_noise.py", photos, copies), len(photos), 12
        )
        return _figures(
            theirs, 1000 * statistics.median(ours(photos) for _ in range(ROUNDS)) / len(photos)
        )


def _extract(config: ExtractNoiseConfig) -> None:
    try:
        extract_noise(config)
    except NoNoiseError:
        return  # all the work was done


def compare_pairs(
    peer: Peer, photos: Sequence[Path], checkout: Path, kernelgan: Path
) -> dict[str, float]:
    """Return milliseconds a photo of RealSR's script for pairs and of build-pairs."""
    options = argparse.Namespace(hr_size="512", format="hdf5", kernel_size=21)
    with _realsr(checkout, kernelgan) as run, tempfile.TemporaryDirectory() as folder:
        kernels = Path(folder) / "kernels"
        for number in range(4):
            kernel = gaussian_kernel(21, pair_building.SCALE, (2.5, 1.8), 0.4 * number)
            name = f"photo{number}"
            (kernels / name).mkdir(parents=True)
            savemat(kernels / name / f"{name}_kernel_x4.mat", {"Kernel": kernel.weights})
        words = ("--kernel_path", kernels)
        theirs = _a_photo(
            lambda copies: run(peer, "create_kernel_dataset.py", photos, copies, *words),
            len(photos),
            1,
        )
        pool = pair_building.make_pool(Path(folder) / "pool", 21).path
        pair_building.build(list(photos[:1]), pool, 1, options)  # imports
        ours = [pair_building.build(list(photos), pool, 1, options) for _ in range(ROUNDS)]
        return _figures(theirs, 1000 * statistics.median(ours) / len(photos))


def compare_kernelgan(peer: Peer, photo: Path, checkout: Path) -> dict[str, float]:
    """Return milliseconds an iteration of KernelGAN's own training and of ours, at ×2."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in").mkdir()
        (Path(folder) / "in" / photo.name).symlink_to(photo.resolve())
        words = ("--input-dir", Path(folder) / "in", "--output-dir", Path(folder) / "out")
        theirs = _an_iteration(peer.command(checkout / "train.py", *words))
    steps = 64
    training = prepare(load(photo), KernelGANConfig(scale=2, iterations=100 * steps), 1)
    training_times = [milliseconds(training.step, steps) for _ in range(1 + ROUNDS)]
    return _figures(theirs, statistics.median(training_times[1:]))


def _an_iteration(command: Sequence[str]) -> float:
    """Return the milliseconds of CPU time between two places of a process's progress bar."""
    process = subprocess.Popen(
        command, env=_environment(()), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    seen, first = b"", None
    try:
        while piece := os.read(_pipe_of(process), 4096):
            seen = (seen + piece)[-4096:]
            counts = [int(count) for count in _COUNT.findall(seen)]
            if first is None and counts and counts[-1] >= WARM_UP:
                first = counts[-1], _cpu_of(process.pid)
            elif first is not None and counts and counts[-1] >= first[0] + ITERATIONS:
                return 1000 * (_cpu_of(process.pid) - first[1]) / (counts[-1] - first[0])
    finally:
        process.kill()
        process.wait()
    raise PeerError(
        (seen.decode(errors="replace").strip().splitlines() or ["it ended at once"])[-1]
    )


def _pipe_of(process: subprocess.Popen[bytes]) -> int:
    if process.stderr is None:
        raise PeerError("its progress cannot be read")
    return process.stderr.fileno()


def _cpu_of(number: int) -> float:
    """Return the CPU seconds of a process so far; where the system does not tell, the clock."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare_reading(peer: Peer, photos: Sequence[Path], checkout: Path) -> dict[str, float]:
    """Return milliseconds a sample of BasicSR's dataset on LMDB and of ours on HDF5."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pairs = training_reader.make_pairs(list(photos))
        folders = {
            store: training_reader.write_pairs(work / store, store, pairs)
            for store in ("hdf5", "lmdb")
        }
        stores = [folders["lmdb"] / f"shard-00000_{side}.lmdb" for side in ("HR", "LR")]
        rates = [float(peer.run("basicsr", checkout, *stores, SAMPLES)[1]) for _ in range(ROUNDS)]
        ours = training_reader.Ours(folders["hdf5"])
        ours.warm_up()
        batch = statistics.median(seconds(ours.read, 12) for _ in range(ROUNDS))
        return _figures(1000 / statistics.median(rates), 1000 * batch / training_reader.BATCH)


def _figures(theirs: float, ours: float) -> dict[str, float]:
    return {"theirs_ms": theirs, "ours_ms": ours, "times_as_fast": theirs / ours}


def main() -> None:
    """Compare with each peer whose folder is given, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    for name in ("realsr", "kernelgan", "basicsr"):
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER")
    parser.add_argument("--python", default=sys.executable, help="the peers' interpreter")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command line does
    peer, photos, real = Peer(given.python), given.photos, given.realsr
    jobs: dict[str, Callable[[], dict[str, float]]] = {}
    if real:
        jobs["RealSR, noise, a photo"] = lambda: compare_noise(peer, photos, real)
    if real and given.kernelgan:
        jobs["RealSR, pairs, a photo"] = lambda: compare_pairs(peer, photos, real, given.kernelgan)
    if given.kernelgan:
        jobs["KernelGAN, an iteration"] = lambda: compare_kernelgan(
            peer, photos[0], given.kernelgan
        )
    if given.basicsr:
        jobs["BasicSR, reading a sample"] = lambda: compare_reading(peer, photos, given.basicsr)
    if not jobs:
        parser.error("give the folder of a peer: --realsr, --kernelgan or --basicsr")
    found: dict[str, dict[str, float]] = {}
    for name, job in jobs.items():
        try:
            found[name] = job()
        except PeerError as error:
            print(f"{name}: did not run: {error}", flush=True)
            continue
        theirs, ours, ratio = found[name].values()
        print(f"{name}: {theirs:.2f} ms, ours {ours:.3f} ms: {ratio:.1f} times", flush=True)
    write_json(given.json, found)


if __name__ == "__main__":
    main()
