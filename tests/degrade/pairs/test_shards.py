from __future__ import annotations

import errno
import itertools
import os
import pickle
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import DegradeError, InvalidValueError
from degrade.pairs import create_shard, read_sidecar, shards, verify_pairs
from degrade.pairs.shards import sidecar_indices
from tests.making import is_committed


def test_is_committed_asks_for_the_same_spec(built: Any) -> None:
    assert is_committed(built.folder, built.case.spec())
    assert is_committed(built.folder, built.case.spec(1))
    assert not is_committed(built.folder, built.case.spec(2))
    assert not is_committed(built.folder, built.case.spec(config_hash="other"))
    assert not is_committed(built.folder, built.case.spec(hr_size=30))
    assert not is_committed(built.folder / "missing", built.case.spec())


def test_create_shard_writes_over_files_that_have_no_sidecar(case: Any, tmp_path: Path) -> None:
    for name in case.spec().file_names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    assert not is_committed(tmp_path, case.spec())
    case.write(tmp_path, case.pairs())
    assert is_committed(tmp_path, case.spec())
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*case.spec().entry_names, "shard-00000.json"}


def test_create_shard_does_not_follow_links_of_its_name(case: Any, tmp_path: Path) -> None:
    folder, victim = tmp_path / "pairs", tmp_path / "victim"
    folder.mkdir()
    victim.mkdir()
    (victim / "data.mdb").write_bytes(b"precious")
    for name in case.spec().entry_names:
        (folder / f"{name}.tmp").symlink_to(victim)
        (folder / name).symlink_to(victim / "data.mdb")
    case.write(folder, case.pairs())
    assert (victim / "data.mdb").read_bytes() == b"precious"
    assert is_committed(folder, case.spec())


def test_shard_can_be_written_over(case: Any, tmp_path: Path) -> None:
    case.write(tmp_path, case.pairs(5))
    case.write(tmp_path, case.pairs(3))
    assert len(read_sidecar(tmp_path, 0).records) == 3
    assert is_committed(tmp_path, case.spec())


def test_commit_reads_everything_back(case: Any, tmp_path: Path) -> None:
    """What the disk did not keep must not be committed."""
    with create_shard(tmp_path, case.spec()) as writer:
        for pair in case.pairs():
            writer.add(pair)
        close = writer._store.close

        def close_and_lose_bytes() -> None:
            close()
            name = "*.h5.tmp" if case.format == "hdf5" else "*_LR.lmdb*.tmp/data.mdb"
            (path,) = tmp_path.rglob(name)
            content = path.read_bytes()
            path.write_bytes(content[:-600] + bytes(600))

        writer._store.close = close_and_lose_bytes  # type: ignore[method-assign]
        with pytest.raises(DegradeError, match=r"shard-00000"):
            writer.commit()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sources", [[{"weight": 0.5}], [{3: "a"}], ["a.jpg"]])
@pytest.mark.parametrize("case", ["hdf5-fixed"], indirect=True)
def test_commit_refuses_sources_that_it_could_not_read(
    case: Any, tmp_path: Path, sources: Any
) -> None:
    with create_shard(tmp_path, case.spec()) as writer:
        with pytest.raises(InvalidValueError, match="sources must be"):
            writer.commit(sources=sources)
        writer.commit()


_WRITE_WITH_LIMIT = """
import pickle, resource, signal, sys
from pathlib import Path
from degrade.errors import DegradeError
from degrade.pairs import create_shard
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for folder, limits, spec, pairs in pickle.load(open(sys.argv[1], "rb")):
    for limit in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        result = "written"
        try:
            with create_shard(folder, spec) as writer:
                for pair in pairs:
                    writer.add(pair)
                writer.commit()
        except DegradeError as error:
            result = error
        left = len(list(folder.iterdir()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        print(spec.format, left, result)
"""


def test_failing_writes_leave_nothing_and_name_the_file(
    cases: dict[str, Any], tmp_path: Path
) -> None:
    """Writes fail beyond a length that grows until the shard fits; it then is written."""
    work, expected = [], []
    for name, case in cases.items():
        case.write(tmp_path / name, case.pairs())
        size = max(path.stat().st_size for path in (tmp_path / name).rglob("*.[hm]*"))
        limits = [size * part // 8 for part in (0, 1, 3, 6, 7, 8)]
        work.append((tmp_path / "new" / name, limits, case.spec(3), case.pairs()))
        path = tmp_path / "new" / name / "shard-00003"
        expected += [f"{case.format} 0 {path}"] * 5
        expected += [f"{case.format} {len(case.spec().entry_names) + 1} written"]
    (tmp_path / "work").write_bytes(pickle.dumps(work))
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_WITH_LIMIT, tmp_path / "work"],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)


def _whole(folder: Path, case: Any) -> int | None:
    """Return how many pairs the shard has, all of them sound; None when it does not count."""
    if not is_committed(folder, case.spec()):
        return None
    results = [result for result in verify_pairs(folder) if result.shard != "manifest.json"]
    assert not [result for result in results if result.problem]
    return len(results)


@pytest.mark.parametrize("failing", ["os.fsync", "os.replace", "os.unlink", "os.mkdir"])
def test_writing_that_fails_at_any_step_leaves_a_whole_shard_or_none(
    case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Each call in turn fails, while a shard of two pairs is written over by one of five."""
    module, _, name = failing.rpartition(".")
    real, seen = getattr(pydoc.locate(module), name), set()
    for number in itertools.count():
        folder, calls = tmp_path / str(number), []
        case.write(folder, case.pairs(2))

        def fail(*arguments: Any, **keywords: Any) -> Any:
            calls.append(arguments)  # noqa: B023
            if len(calls) == number + 1:  # noqa: B023
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*arguments, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(failing, fail)
            try:
                case.write(folder, case.pairs(5))
            except DegradeError as error:
                assert re.search(r"shard-00000.*Input/output error|/\d+: cannot", str(error))
        if len(calls) <= number:
            break
        seen.add(_whole(folder, case))
        left = {path.name for path in folder.iterdir()}
        if failing not in ("os.unlink", "os.mkdir"):  # by which temporary folders are removed
            assert not [name for name in left if name.endswith(".tmp")]
        case.write(folder, case.pairs(5))
        assert _whole(folder, case) == 5
    assert number > 0
    if failing == "os.replace":
        assert seen == {None}, "the old sidecar is gone before the first file is replaced"
    if failing == "os.fsync":  # the new one is there when only its sidecar's name is not durable
        assert seen == {2, None, 5}


def test_add_refuses_a_pair_that_the_disk_has_no_room_for(
    case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shards.shutil.disk_usage(tmp_path))
    with create_shard(tmp_path, case.spec()) as writer:
        pairs = case.pairs(2)
        writer.add(pairs[0])
        monkeypatch.setattr(shards.shutil, "disk_usage", lambda _: usage(2**40, 2**40, 1000))
        with pytest.raises(DegradeError, match=r"shard-00000: the disk is full; 1000 bytes .* \d+"):
            writer.add(pairs[1])
    assert list(tmp_path.iterdir()) == []


def test_create_shard_says_when_the_folder_cannot_be_made(case: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DegradeError, match="file/pairs: cannot be written"):
        create_shard(tmp_path / "file" / "pairs", case.spec())


@pytest.mark.parametrize("case", ["hdf5-fixed", "lmdb-fixed"], indirect=True)
def test_folder_names_may_hold_any_bytes(case: Any, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"a b\n\xff\xc3\xa9")
    case.write(folder, case.pairs())
    assert is_committed(folder, case.spec())


def test_sidecar_indices_takes_only_sidecars(tmp_path: Path) -> None:
    others = ["shard-00000.json.12.tmp", "shard-1.json", "shard-0000001.json", "shard-00003.h5"]
    for name in ["shard-123456.json", "shard-00002.json", "manifest.json", *others]:
        (tmp_path / name).touch()
    assert sidecar_indices(tmp_path) == [2, 123456]
    with pytest.raises(DegradeError, match="missing: is not there; check the path"):
        sidecar_indices(tmp_path / "missing")
