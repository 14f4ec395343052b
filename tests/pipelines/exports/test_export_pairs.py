"""What is exported is what the pairs hold, for each trainer's own way of reading."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from degrade.degradation import DegradationPlan
from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError
from degrade.images.image_io import encode_png
from degrade.pairs import open_pairs
from pipelines.executors import InProcessExecutor, ProcessExecutor
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from tests.pipelines import trainer_readers as read
from tests.pipelines.exported import (
    FORMATS,
    assert_holds,
    digests,
    make_pairs,
    readers,
)


@pytest.fixture
def pairs(tmp_path: Path, pool: Path) -> Path:
    return make_pairs(tmp_path / "pairs", pool)


@pytest.mark.parametrize("hr_size", [32, None])
@pytest.mark.parametrize("format", FORMATS)
def test_export_pairs_gives_every_trainer_the_pixels_of_the_pairs(
    tmp_path: Path, pool: Path, format: str, hr_size: int | None
) -> None:
    store: Literal["hdf5", "lmdb"] = "lmdb" if format == "png" else "hdf5"
    pairs = make_pairs(tmp_path / "pairs", pool, hr_size=hr_size, format=store)
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format=format)
    report = export_pairs(config)
    assert report.done == 9 and report.exit_code == 0
    with open_pairs(pairs) as reader:
        for found in readers(format, config.out):
            assert_holds(found, reader)
    assert not (config.out / ".partial").exists() and not (config.out / ".lock").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_export_pairs_does_not_depend_on_the_workers_and_is_done_once(
    tmp_path: Path, pairs: Path, format: str
) -> None:
    one = ExportConfig(pairs=pairs, out=tmp_path / "one", format=format)
    export_pairs(one, executor=InProcessExecutor())
    before = digests(one.out)
    again = export_pairs(one)
    assert (again.done, again.skipped) == (0, 9)
    export_pairs(replace(one, out=tmp_path / "two"), executor=ProcessExecutor(2))
    after = digests(tmp_path / "two")
    for name in before:
        if not name.startswith("options"):  # they name the folder
            assert after[name] == before[name], name


def test_export_pairs_makes_tars_without_times_and_owners(tmp_path: Path, pairs: Path) -> None:
    export_pairs(ExportConfig(pairs=pairs, out=tmp_path / "out", format="webdataset"))
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
    export_pairs(ExportConfig(pairs=pairs, out=out, format="webdataset"))
    assert len(list(out.glob("pairs-*.tar"))) == 5
    with open_pairs(pairs) as reader:
        assert_holds(read.read_webdataset(out), reader)


def test_export_pairs_refuses_deferred_noise_unless_told(tmp_path: Path, pool: Path) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, noise="defer")
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format="png")
    with pytest.raises(DegradeError, match=r"noise=bake.*`allow_clean_lr`"):
        export_pairs(config)
    assert not config.out.exists()
    assert export_pairs(replace(config, allow_clean_lr=True)).done == 9


def test_export_pairs_refuses_what_does_not_belong_together(
    tmp_path: Path, pairs: Path, pool: Path
) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format="png")
    export_pairs(config)
    with pytest.raises(ChangedConfigError, match="png -> kair"):
        export_pairs(replace(config, format="kair"))
    other = make_pairs(tmp_path / "other", pool, count=8)
    with pytest.raises(ChangedConfigError, match="pairs"):
        export_pairs(replace(config, pairs=other))
    with pytest.raises(DegradeError, match="is the pairs' own folder"):
        export_pairs(replace(config, out=pairs))
    taken = tmp_path / "taken"
    (taken / "hr").mkdir(parents=True)
    with pytest.raises(DegradeError, match=r"taken/hr/ is there and .*choose another name"):
        export_pairs(replace(config, out=taken))
    (config.out / "lr").rename(tmp_path / "lr")
    with pytest.raises(CorruptDataError, match="lr: is missing"):
        export_pairs(config)
    with pytest.raises(DegradeError, match="no pairs"):
        export_pairs(replace(config, pairs=taken))


def test_export_pairs_goes_on_with_one_that_calls_its_format_form(
    tmp_path: Path, pairs: Path
) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format="png")
    export_pairs(config)
    mark = config.out / "export.json"
    content = json.loads(mark.read_text())
    assert content["settings"]["format"] == "png"
    content["settings"]["form"] = content["settings"].pop("format")
    mark.write_text(json.dumps(content))
    assert (export_pairs(config).done, export_pairs(config).skipped) == (0, 9)
    with pytest.raises(ChangedConfigError, match="`format`: png -> kair"):
        export_pairs(replace(config, format="kair"))


ODD_NAMES = [
    "CON.png",
    "a b, (3,4) c.png",
    "x/y/a\nb.png",
    "A.png",
    "a.PNG",
    "n" * 250 + ".png",
    "é.png",
]


@pytest.mark.parametrize("format", FORMATS)
def test_export_pairs_of_any_photo_names_has_plain_keys(tmp_path: Path, format: str) -> None:
    for number, name in enumerate(ODD_NAMES):
        for side, size in (("HR", 16), ("LR", 8)):
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.full((size, size, 3), 20 * number + 10, np.uint8)
            path.write_bytes(encode_png(pixels, level=1))
    pairs = tmp_path / ("long name " * 24).strip()
    import_pairs(ImportPairsConfig(hr=tmp_path / "HR", lr=tmp_path / "LR", out=pairs))
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format=format)
    assert export_pairs(config).done == len(ODD_NAMES)
    with open_pairs(pairs) as reader:
        assert all(re.fullmatch(r"[A-Za-z0-9-]{1,60}", key) for key in reader.keys)
        for found in readers(format, config.out):
            assert_holds(found, reader)
    for listed in config.out.rglob("meta_info.txt"):
        for line in listed.read_text("ascii").splitlines():
            assert re.fullmatch(r"[A-Za-z0-9-]+\.png \(\d+,\d+,3\)( 1)?", line)
