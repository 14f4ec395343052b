"""Pairs that are built from a fingerprint have the statistics of those from its pool."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner, Result

from degrade.degradation import MEASURED, Recipe
from degrade.errors import DegradeError
from degrade.images.image_io import quantise, write_png
from degrade.jpeg.tables import JpegSettings, standard_tables
from degrade.kernels import BlurKernel, gaussian_kernel
from degrade.noise.statistics import measure_noise
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Findings, Provenance
from degrade.pool.camera_groups import NAMED
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli import main
from pipelines.pairs.checks import ReplayConfig, replay_pair
from pipelines.pool.fingerprints import FingerprintConfig, cameras_of, write_fingerprint
from pipelines.pool.inspect_pool import inspect_pool
from report.pool_sheet import _summary
from tests.degrade.noise.planted import flat_levels, noisy_photo
from tests.degrade.pool.parts import make_photo
from tests.making import make_scene

SIDE = 64
"""Of the squares of one level in HR."""

_Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pool of three cameras' kernels, noise and tables."""
    path = tmp_path_factory.mktemp("camera") / "pool"
    opened = DegradationPool.create(path)
    for number, camera in enumerate(("Canon A1, ISO 100", "Canon A1, ISO 100", "Nikon B2")):
        photo = make_photo(name=f"holiday {number}.jpg", sha256=f"{number:064x}")
        kernel = gaussian_kernel(17, 2, (1.2 + 0.3 * number, 1.0), 0.4 * number)
        noise = measure_noise(noisy_photo(f"photo {number}"), camera=camera)
        jpeg = JpegSettings(*standard_tables(60 + 10 * number), "4:2:0")
        opened.add_findings(
            photo,
            [
                Findings(
                    kind="kernel",
                    settings={},
                    objects=(FoundObject(kernel, "spectral", {"expected_kpsnr": 45.0}),),
                ),
                Findings(kind="noise-model", settings={}, values=msgspec.to_builtins(noise)),
                Findings(kind="jpeg", settings={}, values=msgspec.to_builtins(jpeg)),
            ],
        )
    return path


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return clean photos: walls of one level a square, and scenes."""
    folder = tmp_path_factory.mktemp("clean")
    for number in range(6):
        wall = flat_levels(f"wall {number}", 256, 256)
        write_png(folder / f"wall {number}.png", wall.astype(np.uint8))
        write_png(folder / f"scene {number}.png", quantise(make_scene(f"fp {number}", 256, 256)))
    return folder


def test_inspect_calls_a_photo_by_one_name_everywhere(tmp_path: Path) -> None:
    """Also one that gave no kernel; and the tenth stands behind the second, not the first."""
    opened = DegradationPool.create(tmp_path / "pool")
    for number in range(11):
        kernel = gaussian_kernel(17, 2, (1.2 + 0.1 * number, 1.0), 0.0)
        found = [
            Findings(kind="camera", settings={}, values={"make": "A", "model": f"{number}"}),
            Findings(kind="kernel", settings={}, objects=(FoundObject(kernel, "spectral", {}),)),
        ]
        photo = make_photo(name=f"{number}.jpg", sha256=f"{number:064x}")
        opened.add_findings(photo, found[: 1 if number == 4 else 2])
    for names in (False, True):
        path = tmp_path / f"{names}.json"
        path.write_bytes(make_fingerprint(opened, names=names))
        lines = inspect_pool(path).lines()
        assert lines[-1].endswith(": 10 kernels, a fingerprint of 11 photos")
        cameras = lines[lines.index("camera (11):") + 1 :][:11]
        called = [line.split("  ")[1] for line in cameras]
        assert called == sorted(called) and len(set(called)) == 11
        wanted = {f"{n}.jpg" for n in range(11)} if names else {f"photo {n:02}" for n in range(11)}
        assert set(called) == wanted
        of_kernels = [line for line in lines if " spectral " in line]
        whose = [next(name for name in called if line.endswith(f" {name}")) for line in of_kernels]
        assert whose == sorted(whose) and len(set(whose)) == 10


def config_of(source: Path, clean: Path, out: Path, **changes: Any) -> BuildPairsConfig:
    settings = {"scale": 2, "hr_size": 256, "further": ("jpeg",), "noise_from": "model"}
    settings |= {"omitted": ("linear-light",)}  # a fingerprint carries nothing of it
    return BuildPairsConfig(pool=source, hr=(clean,), out=out, **(settings | changes))


def statistics_of(out: Path) -> dict[str, _Floats]:
    """Return log spectra, noise by level and blockiness of the LR of a set."""
    spectra, blocks, noise = [], [], []
    with open_pairs(out) as reader:
        for number in range(len(reader)):
            lr_u8, hr_u8 = reader.read(number)
            luma = lr_u8.astype(np.float64).mean(axis=2)
            power = np.abs(np.fft.fft2(luma - luma.mean())) ** 2
            rows, columns = (np.fft.fftfreq(side)[:, None] for side in luma.shape)
            band = np.minimum((np.hypot(rows, columns.T) * 24).astype(int), 11)
            spectra.append(np.log(np.bincount(band.ravel(), power.ravel(), 12) + 1))
            steps = np.abs(np.diff(luma, axis=1)).mean(axis=0)
            blocks.append(steps[7::8].mean() / np.delete(steps, np.s_[7::8]).mean())
            noise += squares_of(luma, hr_u8)
    levels, variances = np.array(noise).T
    by_level = [
        variances[(levels >= low) & (levels < low + 64)].mean() for low in range(32, 224, 64)
    ]
    return {
        "spectrum": np.mean(spectra, axis=0),
        "noise": np.log(np.maximum(by_level, 1e-3)),
        "blockiness": np.array([np.mean(blocks)]),
    }


def squares_of(luma: _Floats, hr_u8: Any) -> list[tuple[float, float]]:
    """Return level and variance of LR where HR is of one level."""
    side, found = SIDE // 2, []
    for top in range(0, luma.shape[0], side):
        for left in range(0, luma.shape[1], side):
            square = hr_u8[2 * top : 2 * top + SIDE, 2 * left : 2 * left + SIDE]
            if np.ptp(square) == 0:
                inner = luma[top + 8 : top + side - 8, left + 8 : left + side - 8]
                found.append((float(square.mean()), float(inner.var())))
    return found


def assert_alike(
    made: dict[str, _Floats], pool: dict[str, _Floats], again: dict[str, _Floats]
) -> None:
    """Compare with how far two sets from one pool differ, seed by seed."""
    for name, least in (("spectrum", 0.05), ("noise", 0.15), ("blockiness", 0.02)):
        spread = np.maximum(3 * np.abs(pool[name] - again[name]).max(), least)
        assert np.abs(made[name] - (pool[name] + again[name]) / 2).max() <= spread, name


def test_lr_of_a_fingerprint_has_the_statistics_of_lr_of_its_pool(
    pool: Path, clean: Path, tmp_path: Path
) -> None:
    write_fingerprint(FingerprintConfig(pool=pool, out=tmp_path / "camera.json"))
    runs = {
        "pool": config_of(pool, clean, tmp_path / "a", seed=0),
        "again": config_of(pool, clean, tmp_path / "b", seed=1),
        "made": config_of(tmp_path / "camera.json", clean, tmp_path / "c", seed=2),
        "plain": config_of(pool, clean, tmp_path / "d", seed=3, noise="none", further=()),
    }
    found = {}
    for name, config in runs.items():
        build_pairs(config)
        found[name] = statistics_of(Path(config.out))
    assert_alike(found["made"], found["pool"], found["again"])
    with pytest.raises(AssertionError):  # the test can tell sets apart
        assert_alike(found["plain"], found["pool"], found["again"])


def test_pairs_of_a_fingerprint_are_replayed_without_its_pool(
    pool: Path, clean: Path, tmp_path: Path
) -> None:
    path = tmp_path / "camera.json"
    write_fingerprint(FingerprintConfig(pool=pool, out=path))
    config = config_of(path, clean, tmp_path / "pairs", noise_from=None, further=())
    report = build_pairs(config)
    assert any("noise-model" in fact.words for fact in report.facts)
    with open_pairs(Path(config.out)) as reader:
        key = reader.keys[0]
    assert replay_pair(ReplayConfig(pairs=Path(config.out), key=key)).identical
    assert build_pairs(config).skipped == report.done
    with pytest.raises(DegradeError, match="no photos: give clean ones with `hr`"):
        build_pairs(replace(config, hr=(), out=tmp_path / "own"))
    with pytest.raises(DegradeError, match="no noise patches: use `noise_from=model`"):
        build_pairs(replace(config, noise_from="patches", out=tmp_path / "patches"))


def test_cameras_are_called_as_everywhere(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    known = (
        ("Canon", "Canon PowerShot SD300", "Canon PowerShot SD300"),
        ("EASTMAN KODAK COMPANY", "KODAK DC240", "KODAK DC240"),
        ("SONY", "DSC-D700", "SONY DSC-D700"),
        (None, "X1", "X1"),
    )
    for number, (make, model, _) in enumerate(known):
        photo = make_photo(sha256=f"{number:064x}")
        values = {"make": make, "model": model}
        pool.add_findings(photo, [Findings(kind="camera", settings={}, values=values)])
    assert cameras_of(pool) == {f"{number:064x}": name for number, (*_, name) in enumerate(known)}


def test_cameras_are_called_as_the_user_named_them_last(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    exif = {"make": "Canon", "model": "A1"}
    for number, name in enumerate(("my scanner", "")):
        photo = make_photo(sha256=f"{number:064x}")
        for settings in ({}, {NAMED: name}):
            found = Findings(kind="camera", settings=settings, values={**exif, **settings})
            pool.add_findings(photo, [found])
    assert cameras_of(pool) == {f"{0:064x}": "my scanner"}


def degrade(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_fingerprint_command_tells_cameras_and_chooses_one(pool: Path, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    told = degrade("fingerprint", pool, "-o", path)
    assert told.exit_code == 0, told.output
    assert "3 kernels and what was measured in 3 photos" in told.output
    assert "2 cameras or settings" in told.output and "--camera chooses one" in told.output
    assert degrade("fingerprint", pool, "-o", path, "--camera", " ").output.endswith(
        "--camera must be a part of a camera's name, got nothing\n"
    )
    assert path.stat().st_size < 200_000 and "holiday" not in path.read_text()
    one = degrade("fingerprint", pool, "-o", path, "--camera", "canon", "--names")
    assert (
        one.exit_code == 0 and "2 kernels and what was measured in 2 photos" in one.output
    )  # its own file is replaced
    assert "holiday 0" in path.read_text() and "cameras or settings" not in one.output
    shown = degrade("inspect", path)
    assert shown.exit_code == 0 and "kernels ×2 (2)" in shown.output
    assert "Canon A1, ISO 100" in shown.output
    assert degrade("inspect", path, "--verify", "--json").exit_code == 0
    none = degrade("fingerprint", pool, "-o", path, "--camera", "Leica")
    assert none.exit_code == 1 and "cameras: Canon A1, ISO 100, Nikon B2" in none.output
    path.write_text("mine")
    assert degrade("fingerprint", pool, "-o", path).exit_code == 1
    assert path.read_text() == "mine"
    assert degrade("fingerprint", pool, "-o", tmp_path / "camera.txt").exit_code == 1


def test_fingerprint_leaves_no_file_of_a_match_that_it_cannot_read(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pool, tmp_path / "pool")
    made = Provenance("holiday 0.jpg", f"{0:064x}", None, "matched", {}, "9.9.9")
    kernel = gaussian_kernel(17, 2, (1.4, 1.2), 0.4)
    steps = [*MEASURED.to_json()["steps"], {"kind": "of-tomorrow"}]
    monkeypatch.setattr(Recipe, "to_json", lambda _: {"name": "matched", "steps": steps})
    DegradationPool.open(tmp_path / "pool").add_match([(kernel, made)], MEASURED, 2, {})
    monkeypatch.undo()
    path = tmp_path / "camera.json"
    told = degrade("fingerprint", tmp_path / "pool", "-o", path)
    assert told.exit_code == 1 and not path.exists()
    (line,) = told.output.splitlines()
    assert line.startswith(f"degrade: {tmp_path / 'pool'}: its match cannot be used: ")
    assert "of-tomorrow" in line and "match again" in line


def test_build_pairs_takes_a_pool_or_a_fingerprint(pool: Path, clean: Path, tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    degrade("fingerprint", pool, "-o", path)
    build = ("build-pairs", "--hr", clean, "--scale", 2, "--hr-size", 256, "--out")
    made = degrade(*build, tmp_path / "pairs", "--fingerprint", path)
    assert made.exit_code == 0, made.output
    assert degrade(*build, tmp_path / "other").exit_code == 2
    none = degrade(*build, tmp_path / "other", "--fingerprint", tmp_path / "none.json")
    assert none.exit_code == 1 and "none.json: no such file" in none.output
    assert degrade(*build, tmp_path / "other", "--fingerprint", path, "--pool", pool).exit_code == 2
    wrong = json.loads(path.read_bytes())
    path.write_text(json.dumps(wrong))
    damaged = degrade(*build, tmp_path / "other", "--fingerprint", path)
    assert damaged.exit_code == 1 and str(path) in damaged.output


def test_lr_of_a_real_fingerprint_has_the_statistics_of_lr_of_its_pool(
    shared_data: Path, clean: Path, tmp_path: Path
) -> None:
    photos = sorted((shared_data / "real").glob("cam_*.jpg"))[:4]
    built = degrade("build-pool", *photos, "--pool", tmp_path / "pool", "--scale", 2, "--jobs", 1)
    assert built.exit_code in (0, 3), built.output
    write_fingerprint(FingerprintConfig(pool=tmp_path / "pool", out=tmp_path / "camera.json"))
    found = []
    for seed, source in enumerate(("pool", "pool", "camera.json")):
        config = config_of(tmp_path / source, clean, tmp_path / f"pairs {seed}", seed=seed)
        build_pairs(config)
        found.append(statistics_of(Path(config.out)))
    pool_once, pool_again, made = found
    assert_alike(made, pool_once, pool_again)


def _signed(content: dict[str, Any]) -> bytes:
    body = json.dumps(content, sort_keys=True)[1:].encode()
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body


@pytest.mark.parametrize("command", ["inspect", "report", "recipe", "build-pairs", "fingerprint"])
def test_every_command_names_an_absurd_fingerprint_in_one_line(
    pool: Path, clean: Path, tmp_path: Path, command: str
) -> None:
    path, out = tmp_path / "camera.json", tmp_path / "out"
    write_fingerprint(FingerprintConfig(pool=pool, out=path))
    content = json.loads(path.read_bytes())
    del content["checksum"]
    words = {
        "inspect": ("inspect", path),
        "report": ("report", path, "-o", tmp_path / "page.html"),
        "recipe": ("recipe", "show", "measured", "--pool", path, "--scale", 2),
        "build-pairs": ("build-pairs", "--fingerprint", path, "--hr", clean, "--out", out),
        "fingerprint": ("fingerprint", path, "-o", tmp_path / "again.json"),
    }[command]
    content["kernels"][0]["values"]["confidence"] = 1e308
    path.write_bytes(_signed(content))
    told = degrade(*words)
    assert told.exit_code == 1 and told.output.count("\n") == 1, told.output
    assert f"{path}: kernels[0].values: confidence must be " in told.output
    assert not out.exists() and not (tmp_path / "page.html").exists()


def test_names_of_others_are_escaped_wherever_they_are_shown(pool: Path, tmp_path: Path) -> None:
    path, page = tmp_path / "camera.json", tmp_path / "page.html"
    write_fingerprint(FingerprintConfig(pool=pool, out=path))
    content = json.loads(path.read_bytes())
    del content["checksum"]
    odd = "\x1b[31m\n\ud800<script>alert(1)</script>"
    content |= {"names": {str(number): odd for number in range(3)}}
    for measured in content["measurements"]:
        if measured["kind"] == "noise-model":
            measured["values"]["camera"] = odd
    path.write_bytes(_signed(content))
    for words in (("inspect", path), ("report", path, "-o", page)):
        told = degrade(*words)
        assert told.exit_code == 0 and "\x1b" not in told.output, told.output
        assert "<script>" in told.output or words[0] == "report"
    assert "<script>alert(1)" not in page.read_text() and "\x1b" not in page.read_text()


def test_imported_kernels_are_no_photos(pool: Path, tmp_path: Path) -> None:
    """One count stands in all that tells of a fingerprint; kernels of files are called kernels."""
    for number in range(3):
        kernel = gaussian_kernel(17, 2, (1.2 + 0.3 * number, 1.1), 0.4)
        (tmp_path / "files").mkdir(exist_ok=True)
        np.save(tmp_path / "files" / f"{number}.npy", kernel.weights)
    mixed = shutil.copytree(pool, tmp_path / "mixed")
    for where, count in ((tmp_path / "alone", 0), (mixed, 3)):
        words = ("import-kernels", tmp_path / "files", "--pool", where, "--scale", 2)
        assert degrade(*words).exit_code == 0
        path = tmp_path / f"{count}.json"
        told = degrade("fingerprint", where, "-o", path)
        assert f"{3 + count} kernels and what was measured in {count} photos" in told.output
        made = inspect_pool(path)
        assert f"{3 + count} kernels, a fingerprint of {count} photos" in made.lines()[-1]
        assert f"a fingerprint of {count} photos" in _summary(made.pool)
        names = [record.provenance.source_name for record in made.pool.kernels]
        assert sum(name.startswith("kernel ") for name in names) == 3
        assert sum(name.startswith("photo ") for name in names) == count
        assert set(made.pool.photo_names.values()) == set(names)


def test_what_is_left_out_of_imported_kernels_is_no_photos(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for number in range(50):
        np.save(tmp_path / "files" / f"{number}.npy", _narrow(number).weights)
    words = ("import-kernels", tmp_path / "files", "--pool", tmp_path / "pool", "--scale", 2)
    assert degrade(*words).exit_code == 0
    told = degrade("fingerprint", tmp_path / "pool", "-o", tmp_path / "f.json")
    assert "×2, kernels of 48 of 50 sources: an even choice" in told.output


def _narrow(number: int) -> BlurKernel:
    return gaussian_kernel(13, 2, (1.0 + number / 100, 1.0), 0.4)
