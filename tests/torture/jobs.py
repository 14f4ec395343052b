"""The jobs that write: how each is run, what must come of it, and what must never be touched."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from degrade.degradation.downsampling import PreparedImage
from degrade.errors import CorruptDataError, DegradeError
from degrade.exchange import EXPORT_FORMATS
from degrade.images.image_io import decode_photo, encode_png, quantise
from degrade.kernels import bicubic_kernel
from degrade.noise import NoiseSelection, search_noise_patches
from degrade.pairs import STORES, open_pairs, verify_pairs
from degrade.pool import DegradationPool
from degrade.spectral import estimate_kernel
from degrade.spectral.weights import load_network
from pipelines.executors import Executor, InProcessExecutor
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig, estimate_kernels
from pipelines.measuring.extract_noise import ExtractNoiseConfig, extract_noise
from pipelines.pairs.build_pairs import BuildPairsConfig, build_pairs
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from tests.making import make_scene
from tests.torture.material import SCALE

Contents = Mapping[str, str]
"""A digest by name."""

# Found again by another run, and of no consequence.
_OF_NO_ACCOUNT = (".lock", "lock.mdb")


class Kind:
    """What is known of the output of one kind of job.

    ``spare`` is what a run wants free on the disk besides what it writes.
    """

    spare = 3 * 2**20

    def contents(self, out: Path) -> Contents:
        """Return what must be the same whatever happened on the way."""
        return files_below(out)

    def flaw(self, out: Path) -> str | None:
        """Return what is wrong with what a run left that was ended at any moment."""
        raise NotImplementedError

    def kept(self, out: Path) -> Mapping[str, object]:
        """Return what is finished, such that it changes when anybody touches it."""
        raise NotImplementedError


def files_below(out: Path, without: bytes | None = None) -> dict[str, str]:
    """Return a digest of every file by name, folders too; ``without`` a text in the content."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.name not in _OF_NO_ACCOUNT:
            data = path.read_bytes() if path.is_file() else b"a folder"
            data = data.replace(without, b"") if without else data
            found[str(path.relative_to(out))] = hashlib.sha256(data).hexdigest()
    return found


def bytes_below(out: Path) -> int:
    """Return the size of all files."""
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def identity(path: Path) -> object:
    """Return what differs once a file was written again."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


class Pairs(Kind):
    """A folder of shards."""

    def flaw(self, out: Path) -> str | None:
        if not any(out.glob("shard-*.json")):
            return None
        problems = [result for result in verify_pairs(out) if result.problem]
        if any(result.shard != "manifest.json" for result in problems):
            return f"a committed shard is damaged: {problems[0].problem}"
        with contextlib.suppress(DegradeError), open_pairs(out) as reader:
            if problems:
                return f"opens although: {problems[0].problem}"
            for row in range(len(reader)):
                reader.read(row)
        return None

    def kept(self, out: Path) -> Mapping[str, object]:
        return {
            str(path.relative_to(out)): identity(path)
            for sidecar in out.glob("shard-*.json")
            for entry in out.glob(f"{sidecar.stem}*")
            for path in (entry, *entry.rglob("*"))
            if path.is_file() and ".tmp" not in str(path) and path.name not in _OF_NO_ACCOUNT
        }


class Pool(Kind):
    """A pool; its index keeps the order in which things came, which may differ."""

    spare = 2**16

    def contents(self, out: Path) -> Contents:
        found = files_below(out)
        del found["index.jsonl"]
        lines = (out / "index.jsonl").read_bytes().splitlines()
        return found | {f"a line {line!r}": "" for line in lines} | {"lines": str(len(lines))}

    def flaw(self, out: Path) -> str | None:
        if not (out / "pool.json").exists():
            return None
        pool = DegradationPool.open(out)
        # What was being added may lie there without its line: harmless, and said to be.
        found = [text for text in pool.verify() if "harmless if a run was killed" not in text]
        for record in pool.noise:
            if not np.isfinite(pool.read_residual(record.id)).all():
                return f"the residual {record.id} is not finite"
        return found[0] if found else None

    def kept(self, out: Path) -> Mapping[str, object]:
        index = out / "index.jsonl"
        if not index.exists():
            return {}
        whole = index.read_bytes().splitlines(keepends=True)
        found: dict[str, object] = {
            f"line {number}": line for number, line in enumerate(whole) if line.endswith(b"\n")
        }
        pool = DegradationPool.open(out)
        for folder, records in (("kernels", pool.kernels), ("noise", pool.noise)):
            for record in records:
                path = out / folder / f"{record.id}.npy"
                found[f"{folder}/{record.id}"] = identity(path)
        return found


class Export(Kind):
    """An export; ``export.json`` says that it is complete. Option files name their folder."""

    def contents(self, out: Path) -> Contents:
        return files_below(out, without=str(out.resolve()).encode())

    def flaw(self, out: Path) -> str | None:
        if not (out / "export.json").is_file():
            return None
        try:
            entries = json.loads((out / "export.json").read_bytes())["entries"]
        except ValueError as error:
            raise CorruptDataError(f"{out}: export.json is damaged ({error})") from None
        missing = [name for name in entries if not (out / name).exists()]
        return f"is marked as complete without {missing}" if missing else None

    def kept(self, out: Path) -> Mapping[str, object]:
        if not (out / "export.json").exists():
            return {}
        return {
            name: identity(out / name)
            for name in files_below(out)
            if (out / name).is_file() and not name.startswith((".partial", ".lock"))
        }


Run = Callable[[Path, Path, Executor], object]


@dataclass(frozen=True)
class Job:
    """One command. ``run(material, out, executor)`` begins it, or goes on with it."""

    name: str
    kind: Kind
    begin: Run

    def run(self, material: Path, out: Path, executor: Executor | None = None) -> None:
        self.begin(material, out, executor or InProcessExecutor())


def _build(format: str) -> Run:
    def run(material: Path, out: Path, executor: Executor) -> object:
        config = BuildPairsConfig(
            pool=material / "pool",
            out=out,
            hr=(material / "hr",),
            format=format,
            scale=SCALE,
            hr_size=128,
            shard_mib=1,
        )
        return build_pairs(config, executor=executor)

    return run


def _import(format: str) -> Run:
    def run(material: Path, out: Path, executor: Executor) -> object:
        from pipelines.pairs import import_pairs as pair_imports

        pair_imports._SHARD_BYTES = 200_000
        images = material / "images"
        config = ImportPairsConfig(hr=images / "hr", lr=images / "lr", out=out, format=format)
        return import_pairs(config, executor=executor)

    return run


def _export(form: str) -> Run:
    def run(material: Path, out: Path, executor: Executor) -> object:
        from pipelines.exports import writing as export_writing

        export_writing._CHECKPOINT_BYTES = 150_000
        export_writing._TASK_BYTES = 100_000
        return export_pairs(
            ExportConfig(pairs=material / "pairs", out=out, format=form), executor=executor
        )

    return run


def _extract(material: Path, out: Path, executor: Executor) -> object:
    selection = NoiseSelection(patch_size=32, max_variance=100)
    config = ExtractNoiseConfig(sources=(material / "noisy",), pool=out, selection=selection)
    return extract_noise(config, executor=executor)


def _estimate(material: Path, out: Path, executor: Executor) -> object:
    config = EstimateKernelsConfig(sources=(material / "blurred",), pool=out, scale=SCALE)
    return estimate_kernels(config, executor=executor)


def _jobs() -> Iterator[Job]:
    for format in STORES:
        yield Job(f"build-pairs {format}", Pairs(), _build(format))
    yield Job("extract-noise", Pool(), _extract)
    yield Job("estimate-kernels", Pool(), _estimate)
    for form in EXPORT_FORMATS:
        yield Job(f"export {form}", Export(), _export(form))
    for format in STORES:
        yield Job(f"import-pairs {format}", Pairs(), _import(format))


JOBS = tuple(_jobs())


def difference(found: Contents, expected: Contents) -> str | None:
    """Return the first name by which two contents differ."""
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            what = "differs" if name in found and name in expected else "is missing"
            return f"{name} {'is left over' if name not in expected else what}"
    return None


def load_everything() -> None:
    """Import and wake what jobs use, so that children find it in memory."""
    cv2.setNumThreads(1)
    for module in (
        "degrade.pairs.stores.hdf5",
        "degrade.pairs.stores.lmdb",
        "degrade.exchange.folder_writer",
        "degrade.exchange.lmdb_writer",
        "degrade.exchange.tar_writer",
        "degrade.exchange.hdf5_writer",
        "degrade.exchange.kair_kernels",
        "kernelgan.config",
    ):
        importlib.import_module(module)
    for scale in (2, 4):
        load_network(scale)
    scene = quantise(make_scene("awake", 128, 128))
    estimate_kernel(scene, 2)
    PreparedImage(scene, 2, 6).downsample(bicubic_kernel(2), (0, 0, 128, 128))
    search_noise_patches(scene, NoiseSelection(patch_size=32))
    decode_photo(encode_png(scene), Path("awake.png"))
    gc.freeze()  # what a child never frees it need not copy


def result_of(job: Job, material: Path, out: Path) -> Contents:
    """Run a job undisturbed; return its contents. For :func:`children.in_child`."""
    job.run(material, out)
    return dict(job.kind.contents(out))
