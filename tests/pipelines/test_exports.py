"""What is exported is what the pairs hold, for each trainer's own way of reading."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from degrade.degradation import DegradationPlan, Pair
from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError
from degrade.exchange import Form
from degrade.kernel_files import import_kernel, read_kernel_file
from degrade.pairs import PairReader, ShardSpec, create_shard, open_pairs, write_manifest
from degrade.pool import DegradationPool
from pipelines.executors import InProcessExecutor, ProcessExecutor, TaskResult, WorkerDiedError
from pipelines.executors.base import Task, Value
from pipelines.exports import ExportConfig, export_pairs
from tests.making import fill_pool
from tests.pipelines import trainer_readers as read

FORMS: tuple[Form, ...] = ("basicsr-lmdb", "png", "kair", "webdataset", "h5")
SCALE = 2


def make_pairs(
    folder: Path,
    pool: DegradationPool,
    *,
    hr_size: int | None = 32,
    format: Literal["hdf5", "lmdb"] = "hdf5",
    count: int = 9,
    noise: str = "bake",
) -> Path:
    """Return a finished folder of two shards."""
    rng = np.random.default_rng(5)
    # One key begins another: where a suffix would change the order.
    keys = sorted(f"photo-{'ab' if n % 2 else 'a'}{n // 2 or ''}" for n in range(count))
    kernels = [kernel.id for kernel in pool.kernels]
    for index, group in enumerate((keys[: count // 2], keys[count // 2 :])):
        spec = ShardSpec(
            index=index, format=format, scale=SCALE, hr_size=hr_size, config_hash="c0ffee"
        )
        with create_shard(folder, spec) as shard:
            for number, key in enumerate(group):
                height, width = (hr_size // 2,) * 2 if hr_size else (16 + number, 21 - number)
                plan = DegradationPlan(
                    key=key, source_sha256="5" * 64, clean_up=1, scale=SCALE,
                    hr_box=(0, 0, 2 * height, 2 * width), kernel_id=kernels[number % len(kernels)],
                )  # fmt: skip
                lr = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
                hr = rng.integers(0, 256, (2 * height, 2 * width, 3), dtype=np.uint8)
                shard.add(Pair(key=key, lr_u8=lr, hr_u8=hr, plan=plan))
            shard.commit()
    write_manifest(folder, {"settings": {"noise": noise}, "pool": str(pool.path)})
    return folder


@pytest.fixture
def pool(tmp_path: Path) -> DegradationPool:
    return fill_pool(tmp_path / "pool", scale=SCALE)


@pytest.fixture
def pairs(tmp_path: Path, pool: DegradationPool) -> Path:
    return make_pairs(tmp_path / "pairs", pool)


def options_of(out: Path) -> dict[str, dict[str, Any]]:
    """Return every option file of an export, parsed."""
    yaml = pytest.importorskip("yaml")
    parse = {".yml": yaml.safe_load, ".toml": tomllib.loads, ".json": json.loads}
    return {path.stem: parse[path.suffix](path.read_text()) for path in (out / "options").iterdir()}


def assert_holds(found: read.Read, reader: PairReader) -> None:
    """Check that ``found`` has every pair of ``reader``, with the same pixels."""
    seen = set()
    for key, lr, hr in found:
        expected_lr, expected_hr = reader.read(reader.find(key))
        assert np.array_equal(lr, expected_lr) and np.array_equal(hr, expected_hr), key
        seen.add(key)
    assert seen == set(reader.keys)


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "lock.mdb"
    }


def readers(form: Form, out: Path) -> list[read.Read]:
    """Return what each trainer reads of an export."""
    if form == "webdataset":
        return [read.read_webdataset(out)]
    if form == "h5":
        return [read.read_h5(out / "pairs.h5")]
    options = options_of(out)
    trainers = {
        "basicsr-lmdb": dict.fromkeys(("basicsr", "realesrgan", "neosr"), read.read_basicsr_lmdb),
        "png": {
            "basicsr": read.read_paired_folders,
            "neosr": read.read_paired_folders,
            "trainner-redux": read.read_paired_folders,
            "realesrgan": read.read_realesrgan_list,
        },
        "kair": {"kair": read.read_kair},
    }[form]
    assert set(options) == {f"{name}_{stage}" for name in trainers for stage in ("psnr", "gan")}
    stages = [(name, how, stage) for name, how in trainers.items() for stage in ("psnr", "gan")]
    return [how(options[f"{name}_{stage}"]) for name, how, stage in stages]


@pytest.mark.parametrize("hr_size", [32, None])
@pytest.mark.parametrize("form", FORMS)
def test_export_pairs_gives_every_trainer_the_pixels_of_the_pairs(
    tmp_path: Path, pool: DegradationPool, form: Form, hr_size: int | None
) -> None:
    store: Literal["hdf5", "lmdb"] = "lmdb" if form == "png" else "hdf5"
    pairs = make_pairs(tmp_path / "pairs", pool, hr_size=hr_size, format=store)
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", form=form)
    report = export_pairs(config)
    assert report.done == 9 and report.exit_code == 0
    with open_pairs(pairs) as reader:
        for found in readers(form, config.out):
            assert_holds(found, reader)
    assert not (config.out / ".partial").exists() and not (config.out / ".lock").exists()


@pytest.mark.parametrize("form", FORMS)
def test_export_pairs_does_not_depend_on_the_workers_and_is_done_once(
    tmp_path: Path, pairs: Path, form: Form
) -> None:
    one = ExportConfig(pairs=pairs, out=tmp_path / "one", form=form)
    export_pairs(one, executor=InProcessExecutor())
    before = digests(one.out)
    again = export_pairs(one)
    assert (again.done, again.skipped) == (0, 9)
    export_pairs(replace(one, out=tmp_path / "two"), executor=ProcessExecutor(2))
    after = digests(tmp_path / "two")
    for name in before:
        if not name.startswith("options"):  # they name the folder
            assert after[name] == before[name], name


class _LosingExecutor:
    """Returns the first task last, as one whose worker died twice."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        for index, task in enumerate(tasks[1:], 1):
            yield TaskResult(index, function(task))
        yield TaskResult(0, None, WorkerDiedError("it was killed"))


def test_export_pairs_does_not_wait_for_a_task_that_lost_its_worker(
    tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.export_writing._TASK_BYTES", 1)
    config = ExportConfig(pairs=pairs, out=tmp_path / "one", form="webdataset")
    with pytest.raises(WorkerDiedError):
        export_pairs(config, executor=_LosingExecutor())
    monkeypatch.setattr("pipelines.export_writing._MOST_EARLY", 3)
    export_pairs(config, executor=_LosingExecutor())
    export_pairs(replace(config, out=tmp_path / "two"))
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_export_pairs_names_files_that_are_all_there(tmp_path: Path, pairs: Path) -> None:
    for form in ("basicsr-lmdb", "png", "kair"):
        out = tmp_path / f"out {form} é'#\\"
        export_pairs(ExportConfig(pairs=pairs, out=out, form=form))
        for options in options_of(out).values():
            train = options["datasets"]["train"]
            places = [
                place
                for name, value in train.items()
                if name.startswith("dataroot") or name == "meta_info"
                for place in (value if isinstance(value, list) else [value])
            ]
            assert len(places) >= 2
            for place in places:
                assert Path(place).is_absolute() and Path(place).exists(), place
            assert options["scale"] == SCALE


def test_option_files_hold_numbers_and_patches_that_fit(tmp_path: Path, pairs: Path) -> None:
    for form in ("png", "kair"):
        export_pairs(ExportConfig(pairs=pairs, out=tmp_path / form, form=form))
    options = options_of(tmp_path / "png") | options_of(tmp_path / "kair")
    train = {name: value["datasets"]["train"] for name, value in options.items()}
    hr_patches = {
        *(train[f"{name}_gan"]["gt_size"] for name in ("basicsr", "realesrgan")),
        train["neosr_gan"]["patch_size"] * SCALE,
        train["trainner-redux_gan"]["lq_size"] * SCALE,
        train["kair_gan"]["H_size"],
    }
    assert hr_patches == {32}

    def numbers(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [item for inner in value.values() for item in numbers(inner)]
        if isinstance(value, list):
            return [item for inner in value for item in numbers(inner)]
        return [value]

    for name, value in options.items():
        texts = [item for item in numbers(value) if isinstance(item, str)]
        assert not any(text[:1].isdigit() for text in texts), f"{name}: a number became a text"
        assert 0.0001 in numbers(value) or 0.0002 in numbers(value), name


def test_export_pairs_writes_kernels_that_kair_and_this_project_agree_on(
    tmp_path: Path, pairs: Path, pool: DegradationPool
) -> None:
    out = tmp_path / "out"
    report = export_pairs(ExportConfig(pairs=pairs, out=out, form="kair"))
    assert any(line.startswith("kernels.mat: 3 kernels") for line in report.lines)
    raw = read_kernel_file(out / "kernels.mat")
    assert len(raw) == 3
    for found, record in zip(raw, pool.kernels, strict=True):
        kernel = pool.read_kernel(record.id)
        assert np.array_equal(found.weights, kernel.weights[::-1, ::-1].astype(np.float64))
        back, _ = import_kernel(found, SCALE, "convolve")
        assert np.allclose(back.weights, kernel.weights, atol=1e-6)

    moved = pool.path.rename(tmp_path / "moved")
    lost = export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "lost", form="kair"))
    assert any("no kernels.mat" in line and "--pool" in line for line in lost.lines)
    config = ExportConfig(pairs=pairs, out=tmp_path / "found", form="kair", pool=moved)
    export_pairs(config)
    assert (tmp_path / "found/kernels.mat").read_bytes() == (out / "kernels.mat").read_bytes()
    # What the message advises: the same command with --pool.
    again = export_pairs(replace(config, out=tmp_path / "lost"))
    assert again.skipped == 9 and any("3 kernels" in line for line in again.lines)
    assert (tmp_path / "lost/kernels.mat").read_bytes() == (out / "kernels.mat").read_bytes()


def test_export_pairs_of_kair_fails_when_its_kernels_cannot_be_written(
    tmp_path: Path, pairs: Path
) -> None:
    out = tmp_path / "out"
    (out / "kernels.mat").mkdir(parents=True)
    with pytest.raises(DegradeError, match=r"kernels\.mat: cannot be written"):
        export_pairs(ExportConfig(pairs=pairs, out=out, form="kair"))
    assert not (out / "export.json").exists()


def test_export_pairs_makes_tars_without_times_and_owners(tmp_path: Path, pairs: Path) -> None:
    export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "out", form="webdataset"))
    with open_pairs(pairs) as reader, tarfile.open(tmp_path / "out/pairs-000000.tar") as tar:
        names = tar.getnames()
        endings = ("hr.png", "lr.png", "json")
        assert names == [f"{key}.{ending}" for key in sorted(reader.keys) for ending in endings]
        for member in tar:
            assert (member.mtime, member.uid, member.gid) == (0, 0, 0)
            assert member.uname == member.gname == ""
        content = tar.extractfile(names[2])
        assert content is not None
        plan = json.loads(content.read())["plan"]
        assert DegradationPlan.from_json(plan) == reader.records[reader.find(names[2][:-5])].plan


def test_export_pairs_splits_tars(tmp_path: Path, pairs: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("degrade.exchange.tar_plan._TAR_PIXELS", 8000)
    out = tmp_path / "out"
    export_pairs(ExportConfig(pairs=pairs, out=out, form="webdataset"))
    assert len(list(out.glob("pairs-*.tar"))) == 5
    with open_pairs(pairs) as reader:
        assert_holds(read.read_webdataset(out), reader)


def test_export_pairs_refuses_deferred_noise_unless_told(
    tmp_path: Path, pool: DegradationPool
) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, noise="defer")
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", form="png")
    with pytest.raises(DegradeError, match=r"--noise bake.*--allow-clean-lr"):
        export_pairs(config)
    assert not config.out.exists()
    assert export_pairs(replace(config, allow_clean_lr=True)).done == 9


@pytest.mark.parametrize("store", ["hdf5", "lmdb"])
def test_export_pairs_names_a_damaged_shard_and_leaves_nothing_that_looks_whole(
    tmp_path: Path, pool: DegradationPool, store: Literal["hdf5", "lmdb"]
) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, format=store)
    with open_pairs(pairs) as reader:
        lr, _ = reader.read(7)
    path = pairs / {"hdf5": "shard-00001.h5", "lmdb": "shard-00001_LR.lmdb/data.mdb"}[store]
    data = bytearray(path.read_bytes())
    place = data.find(lr.tobytes()) + 100 if store == "hdf5" else data.rfind(b"IDAT") + 30
    data[place] ^= 4
    path.write_bytes(data)
    for form in FORMS:
        out = tmp_path / form
        with pytest.raises(CorruptDataError, match="shard-00001"):
            export_pairs(ExportConfig(pairs=pairs, out=out, form=form))
        assert sorted(path.name for path in out.iterdir()) == [".partial"]


def test_export_pairs_refuses_what_does_not_belong_together(
    tmp_path: Path, pairs: Path, pool: DegradationPool
) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", form="png")
    export_pairs(config)
    with pytest.raises(ChangedConfigError, match="png -> kair"):
        export_pairs(replace(config, form="kair"))
    other = make_pairs(tmp_path / "other", pool, count=8)
    with pytest.raises(ChangedConfigError, match="pairs"):
        export_pairs(replace(config, pairs=other))
    with pytest.raises(DegradeError, match="is the pairs' own folder"):
        export_pairs(replace(config, out=pairs))
    taken = tmp_path / "taken"
    (taken / "hr").mkdir(parents=True)
    with pytest.raises(DegradeError, match="holds hr already"):
        export_pairs(replace(config, out=taken))
    (config.out / "lr").rename(tmp_path / "lr")
    with pytest.raises(CorruptDataError, match="lr: is missing"):
        export_pairs(config)
    with pytest.raises(DegradeError, match="no pairs"):
        export_pairs(replace(config, pairs=taken))


def test_export_pairs_without_networks_for_the_scale_says_so(
    tmp_path: Path, monkeypatch: Any, pairs: Path
) -> None:
    monkeypatch.setattr("pipelines.export_finishing.TRAINER_SCALES", (3, 4))
    report = export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "out", form="png"))
    assert any("no option files" in line and "×2" in line for line in report.lines)
    assert not (tmp_path / "out/options").exists()


@pytest.mark.parametrize("form", FORMS)
def test_export_pairs_after_an_interrupt_goes_on(tmp_path: Path, pairs: Path, form: Form) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", form=form)

    def stop(done: int, total: int) -> None:
        if 0 < done < total and done >= 4:
            raise KeyboardInterrupt

    first = export_pairs(config, on_progress=stop)
    assert first.exit_code == 130 and first.done == 4
    assert not (config.out / "export.json").exists()
    second = export_pairs(config)
    assert second.exit_code == 0
    assert second.skipped == (4 if form in ("png", "kair") else 0)
    export_pairs(replace(config, out=tmp_path / "whole"))
    expected = digests(tmp_path / "whole")
    found = digests(config.out)
    assert set(found) == set(expected)
    assert all(found[n] == expected[n] for n in expected if not n.startswith("options"))


_CHILD = """
import sys
from pathlib import Path
from pipelines import export_writing
from pipelines.exports import ExportConfig, export_pairs
export_writing._CHECKPOINT_BYTES = 100_000
export_writing._TASK_BYTES = 40_000
pairs, out, form = sys.argv[1:]
export_pairs(
    ExportConfig(pairs=Path(pairs), out=Path(out), form=form),
    on_progress=lambda done, total: print(done, flush=True),
)
"""


@pytest.mark.parametrize("form", ["basicsr-lmdb", "png", "webdataset"])
def test_export_pairs_after_kills_gives_the_same_bytes(
    tmp_path: Path, pool: DegradationPool, form: Form
) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, count=60, hr_size=64)
    expected = ExportConfig(pairs=pairs, out=tmp_path / "expected", form=form)
    export_pairs(expected)
    out = tmp_path / "out"
    for moment in (25, 60):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(pairs), str(out), form],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= moment:
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        names = {path.name for path in out.iterdir()}
        assert "export.json" not in names or moment == 60
    report = export_pairs(replace(expected, out=out))
    assert report.exit_code == 0
    wanted, found = digests(expected.out), digests(out)
    assert set(found) == set(wanted)
    assert all(found[name] == wanted[name] for name in wanted if not name.startswith("options"))


_WRITE_WITH_LIMIT = """
import resource, signal, sys
from pathlib import Path
from degrade.errors import DegradeError
from pipelines.exports import ExportConfig, export_pairs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pairs, root = map(Path, sys.argv[1:])
for form in ("basicsr-lmdb", "png", "kair", "webdataset", "h5"):
    config = ExportConfig(pairs=pairs, out=root / form, form=form)
    for limit in (0, 9_000, 20_000, 40_000, 200_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            export_pairs(config)
            result = "written"
        except DegradeError as error:
            result = f"refused {error}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        print(form, limit, (config.out / "export.json").exists(), result, flush=True)
"""


def test_failing_writes_end_in_one_error_and_leave_nothing_whole(
    tmp_path: Path, pairs: Path
) -> None:
    """Writes fail beyond a length that grows until every file fits."""
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_WITH_LIMIT, pairs, tmp_path / "out"],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert len(lines) == 5 * len(FORMS)
    for form, limit, marked, result in lines:
        if limit == "0":
            assert marked == "False", (form, limit)
            assert result.startswith("refused") and str(tmp_path / "out" / form) in result
        elif limit == "200000":
            assert (marked, result) == ("True", "written"), (form, result)
        else:
            assert (marked == "True") == (result == "written"), (form, limit, result)
    with open_pairs(pairs) as reader:
        for form in FORMS:
            for found in readers(form, tmp_path / "out" / form):
                assert_holds(found, reader)
