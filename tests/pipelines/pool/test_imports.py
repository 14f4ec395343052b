"""Importing what other tools made: files of every kind go in, or are rejected by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import io as scipy_io

from degrade.arrays import AnyArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import write_png
from degrade.kernels import gaussian_kernel
from degrade.kernels.kernelgan_mat import write_kernelgan_mat
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.cli import main
from pipelines.pool.imports import (
    ImportKernelsConfig,
    ImportNoiseConfig,
    import_kernels,
    import_noise,
)
from pipelines.pool.inspect_pool import inspect_pool
from tests.pipelines.photographs import take_photo


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def make_noise(name: str, height: int, width: int, *, level: float = 120) -> AnyArray:
    pixels = rng_for(0, name).normal(level, 4, (height, width, 3))
    return np.rint(pixels.clip(0, 255)).astype(np.uint8)


@pytest.fixture
def kernelgan_output(tmp_path: Path) -> Path:
    """Return a folder as KernelGAN leaves it: ×2 and ×4 kernels of three photos."""
    folder = tmp_path / "kernelgan"
    for index in range(3):
        for scale in (2, 4):
            kernel = gaussian_kernel(17, scale, (1.0 + 0.4 * index, 0.9), 0.5 * index)
            write_kernelgan_mat(folder, f"IMG_{index}", kernel)
    return folder


def test_import_kernels_takes_the_files_of_its_scale(
    kernelgan_output: Path, tmp_path: Path
) -> None:
    config = ImportKernelsConfig(sources=(kernelgan_output,), pool=tmp_path / "pool", scale=4)
    report = import_kernels(config)
    assert (report.done, report.skipped, report.rejects, report.exit_code) == (3, 0, (), 0)
    assert report.lines[-1] == "passed over 3 files named for another scale (×2)"
    pool = DegradationPool.open(tmp_path / "pool")
    assert pool.verify() == [] and pool.photos == ()
    assert {kernel.scale for kernel in pool.kernels} == {4}
    expected = gaussian_kernel(17, 4, (1.0, 0.9), 0.0)
    provenance = {k.provenance.source_name: k for k in pool.kernels}["IMG_0_kernel_x4.mat"]
    np.testing.assert_array_equal(pool.read_kernel(provenance.id).weights, expected.weights)
    assert provenance.provenance.settings["convention"] == "auto"
    again = import_kernels(config)
    assert (again.done, again.skipped) == (0, 3)


def test_import_kernels_rejects_by_name_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    write_kernelgan_mat(folder, "good", gaussian_kernel(13, 2, (1.2, 0.8)))
    np.save(folder / "nan.npy", np.full((5, 5), np.nan))
    np.save(folder / "picture.npy", np.ones((600, 400)))
    (folder / "broken.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM\x0e\0\0\0")
    (folder / "empty.mat").write_bytes(b"")
    (folder / "notes.txt").write_text("not looked at")
    mixed = np.empty((1, 2), dtype=object)
    mixed[0] = [np.eye(5), np.zeros((5, 5))]
    scipy_io.savemat(folder / "mixed.mat", {"kernels": mixed})
    report = import_kernels(ImportKernelsConfig(sources=(folder,), pool=tmp_path / "p", scale=2))
    assert report.done == 2 and report.exit_code == 3
    rejected = {Path(reject.path).name: reject.reason for reject in report.rejects}
    assert set(rejected) == {"nan.npy", "picture.npy", "broken.mat", "empty.mat", "mixed.mat"}
    assert "mixed.mat[1]" in rejected["mixed.mat"] and "zero" in rejected["mixed.mat"]
    assert rejected["nan.npy"].startswith("weights must be finite")  # the file is named already
    assert all(reject.remedy for reject in report.rejects)
    written = (tmp_path / "p" / "rejects.jsonl").read_text().splitlines()
    assert {Path(json.loads(line)["path"]).name for line in written} == set(rejected)


def test_import_noise_leaves_unevenness_to_the_makers(tmp_path: Path) -> None:
    ramp = np.linspace(-12, 12, 64)[None, :, None] + make_noise("ramp", 64, 64)
    write_png(tmp_path / "n" / "ramp.png", np.rint(ramp).astype(np.uint8))
    config = ImportNoiseConfig(sources=(tmp_path / "n",), pool=tmp_path / "pool")
    assert import_noise(config).done == 1


def test_import_kernels_says_why_there_are_none(kernelgan_output: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    with pytest.raises(DegradeError, match="named for scale 2, 4: use that `scale`"):
        import_kernels(ImportKernelsConfig(sources=(kernelgan_output,), pool=pool, scale=3))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DegradeError, match=r"searched for \.mat \.npy"):
        import_kernels(ImportKernelsConfig(sources=(tmp_path / "empty",), pool=pool))
    with pytest.raises(DegradeError, match="missing: does not exist"):
        import_kernels(ImportKernelsConfig(sources=(tmp_path / "missing",), pool=pool))
    assert not pool.exists()


def test_import_config_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="scale"):
        ImportKernelsConfig(sources=(), pool=tmp_path, scale=1)
    with pytest.raises(InvalidValueError, match="convention"):
        ImportKernelsConfig(sources=(), pool=tmp_path, convention="both")  # type: ignore[arg-type]


def test_import_noise_takes_square_patches_whole(tmp_path: Path) -> None:
    for index in range(4):
        write_png(tmp_path / "n" / f"{index:04d}.png", make_noise(f"{index}", 64, 64))
    config = ImportNoiseConfig(sources=(tmp_path / "n",), pool=tmp_path / "pool")
    report = import_noise(config)
    assert (report.done, report.exit_code, len(report.lines)) == (4, 0, 4)
    pool = DegradationPool.open(tmp_path / "pool")
    assert {noise.size for noise in pool.noise} == {64} and pool.verify() == []
    assert all(14 < noise.variance / (0.299**2 + 0.587**2 + 0.114**2) < 18 for noise in pool.noise)
    assert pool.photos == ()  # patches are no photos: no HR can be made of them
    again = import_noise(config)
    assert (again.done, again.skipped) == (0, 4)


def test_import_noise_rejects_what_is_no_noise(tmp_path: Path) -> None:
    folder = tmp_path / "n"
    write_png(folder / "good.png", make_noise("good", 32, 32))
    write_png(folder / "flat.png", np.full((32, 32, 3), 90, np.uint8))
    write_png(folder / "dark.png", make_noise("dark", 32, 32, level=2))
    edge = np.zeros((32, 32, 3), np.uint8) + 60
    edge[:, 16:] = 190
    write_png(folder / "picture.png", edge)
    write_png(folder / "tiny.png", make_noise("tiny", 6, 6))
    write_png(folder / "wide.png", make_noise("wide", 64, 130))
    (folder / "text.png").write_text("no image")
    report = import_noise(ImportNoiseConfig(sources=(folder,), pool=tmp_path / "pool"))
    assert report.done == 1 and report.exit_code == 3
    rejected = {Path(reject.path).name: reject.reason for reject in report.rejects}
    assert "nothing varies" in rejected["flat.png"]
    assert "black or white" in rejected["dark.png"]
    assert "as pictures do" in rejected["picture.png"]
    assert "6×6 is no square" in rejected["tiny.png"]
    assert "130×64 is no square" in rejected["wide.png"]
    assert "text.png" in rejected and len(rejected) == 6


def test_commands_import_and_inspect(kernelgan_output: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    write_png(tmp_path / "n" / "a.png", make_noise("a", 32, 32))
    result = run("import-kernels", kernelgan_output, "--pool", pool, "--scale", 2)
    assert result.exit_code == 0 and result.output.startswith("import-kernels: 3 kernels")
    result = run("import-noise", tmp_path / "n", tmp_path / "none", "--pool", pool)
    assert result.exit_code == 3 and "none: does not exist" in result.output
    result = run("inspect", pool, "--verify")
    assert result.exit_code == 0
    assert "3 kernels, 1 noise patch, 0 photos looked at" in result.output
    assert "IMG_1_kernel_x2.mat" in result.output and "variance" in result.output
    found = json.loads(run("inspect", pool, "--json").stdout)
    assert len(found["kernels"]) == 3 and found["problems"] == []
    assert found["noise"][0]["size"] == 32


def test_imports_and_checks_tell_how_far_they_are(kernelgan_output: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    told: list[tuple[int, int]] = []
    sources = (kernelgan_output,)
    import_kernels(
        ImportKernelsConfig(sources=sources, pool=pool, scale=2),
        on_progress=lambda done, count: told.append((done, count)),
    )
    assert told == [(done, told[0][1]) for done in range(len(told))] and told[0][1] == len(told)
    write_png(tmp_path / "n" / "a.png", make_noise("a", 32, 32))
    told.clear()
    import_noise(
        ImportNoiseConfig(sources=(tmp_path / "n",), pool=pool),
        on_progress=lambda done, count: told.append((done, count)),
    )
    assert (0, 1) in told
    told.clear()
    inspect_pool(pool, verify=True, on_progress=lambda done, count: told.append((done, count)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_inspect_names_damage_and_exits_with_1(kernelgan_output: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    run("import-kernels", kernelgan_output, "--pool", pool)
    victim = sorted((pool / "kernels").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-4] + b"\0\0\0\0")
    result = run("inspect", pool)
    assert result.exit_code == 1 and "damaged" in result.output and victim.name in result.output
    victim.write_bytes(b"")
    assert run("inspect", pool, "--verify").exit_code == 1


def test_import_kernels_of_the_field(shared_data: Path, tmp_path: Path) -> None:
    config = ImportKernelsConfig(sources=(shared_data / "kernels",), pool=tmp_path / "pool")
    report = import_kernels(config)
    # Two sets share kernels: the same content is one entry. Those for ×2 and ×3 of KAIR's
    # kernels_bicubicx234 are left out.
    assert report.rejects == () and report.done >= 30 and report.done + report.skipped == 32
    assert "passed over 2 kernels named for another scale (×2, ×3)" in report.lines
    assert "×4 is assumed for 28 kernels" in report.lines[-1]
    assert DegradationPool.open(tmp_path / "pool").verify() == []


def test_import_noise_of_odd_files_crashes_on_none(shared_data: Path, tmp_path: Path) -> None:
    config = ImportNoiseConfig(sources=(shared_data / "odd",), pool=tmp_path / "pool")
    try:
        report = import_noise(config)
    except DegradeError as error:
        assert "rejected: " in str(error)
    else:
        assert report.rejects and DegradationPool.open(tmp_path / "pool").verify() == []


def report_facts(path: Path, *arguments: object) -> dict[str, list[dict[str, Any]]]:
    """Run a command that reports to ``path``; return its facts and those of its parts, by kind."""
    done = run("--report", path, *arguments)
    assert done.exit_code == 0, done.output
    report = json.loads(path.read_bytes())
    facts = [fact for part in (report, *report["parts"]) for fact in part["facts"]]
    kinds = {fact["kind"] for fact in facts}
    return {kind: [fact for fact in facts if fact["kind"] == kind] for kind in kinds}


def test_reports_tell_of_what_is_imported_as_of_what_is_measured(
    kernelgan_output: Path, tmp_path: Path
) -> None:
    report, pool = tmp_path / "report.json", tmp_path / "pool"
    options = ("--pool", pool, "--scale", 4)
    kernels = report_facts(report, "import-kernels", kernelgan_output, *options)["kernel"]
    assert len(kernels) == 3 and all(fact["confidence"] is None for fact in kernels)
    assert all(fact["sigmas"][0] >= fact["sigmas"][1] > 0 for fact in kernels)
    write_png(tmp_path / "n" / "grain.png", make_noise("grain", 32, 32))
    (noise,) = report_facts(report, "import-noise", tmp_path / "n", "--pool", pool)["noise"]
    assert (noise["positions"], noise["kept"]) == (1, 1) and noise["variance"] > 1

    photo = np.vstack([take_photo("a"), make_noise("flat", 32, 180)])
    write_png(tmp_path / "photos" / "a.png", photo)
    options = ("--pool", pool, "--patch-size", 16)
    measured = report_facts(report, "build-pool", tmp_path / "photos", *options)
    for kind, imported in (("kernel", kernels[0]), ("noise", noise)):
        (fact,) = measured[kind]
        assert fact.keys() == imported.keys()
    assert measured["noise"][0]["kept"] > 0 and measured["kernel"][0]["confidence"] > 0


def test_import_kernels_says_which_scale_it_assumes(tmp_path: Path) -> None:
    kernels = np.empty((1, 12), dtype=object)
    kernels[0] = [np.outer(*2 * [np.hanning(9 + 2 * i)]) for i in range(12)]
    scipy_io.savemat(tmp_path / "kernels_12.mat", {"kernels": kernels})
    report = import_kernels(ImportKernelsConfig(sources=(tmp_path,), pool=tmp_path / "p"))
    assert report.done == 12
    assert report.lines[-1] == (
        "×4 is assumed for 12 kernels, such as kernels_12.mat[0]: neither file, name nor folder "
        "states a scale"
    )


def test_import_kernels_takes_those_of_an_index(tmp_path: Path) -> None:
    stack = np.stack([np.outer(*2 * [np.hanning(15) ** (i + 1)]) for i in range(4)], axis=2)
    path = tmp_path / "stack.npy"
    np.save(path, stack)
    config = ImportKernelsConfig(sources=(path,), pool=tmp_path / "p", index=(2, 0, 2))
    assert import_kernels(config).done == 2
    sources = {k.provenance.source_name for k in DegradationPool.open(tmp_path / "p").kernels}
    assert sources == {"stack.npy[0]", "stack.npy[2]"}
    result = run("import-kernels", path, "--pool", tmp_path / "q", "--index", 4)
    assert result.exit_code == 1 and "choose an --index of 0 to 3" in result.output
    assert "holds 4 kernels, there is no number 4" in result.output
    with pytest.raises(InvalidValueError, match="index must be at least 0"):
        ImportKernelsConfig(sources=(path,), pool=tmp_path / "p", index=(-1,))


def test_import_kernels_chooses_the_scale_in_a_file_of_several(tmp_path: Path) -> None:
    kernels = np.empty((1, 3), dtype=object)
    kernels[0] = [np.outer(*2 * [np.hanning(9 + 4 * i)]) for i in range(3)]
    path = tmp_path / "k" / "kernels_bicubicx234.mat"
    path.parent.mkdir()
    scipy_io.savemat(path, {"kernels": kernels})
    config = ImportKernelsConfig(sources=(path.parent,), pool=tmp_path / "p", scale=3)
    report = import_kernels(config)
    assert report.done == 1 and not report.rejects
    assert report.lines[-1] == "passed over 2 kernels named for another scale (×2, ×4)"
    (record,) = DegradationPool.open(tmp_path / "p").kernels
    assert record.provenance.source_name == "kernels_bicubicx234.mat[1]"
    named = import_kernels(replace(config, sources=(path,), pool=tmp_path / "r"))
    assert (named.done, named.exit_code) == (1, 0)
    # Asked for by number, the wrong one is refused.
    result = run("import-kernels", path, "--pool", tmp_path / "q", "--scale", 4, "--index", 0)
    assert result.exit_code == 1 and "is named for ×2, not ×4; use --scale 2" in result.output


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("IMG_1_kernel_x2.mat", {"Kernel": None}),
        ("gt_k_x2/kernel_1.mat", {"Kernel": None}),
        ("x2/kernel_1.mat", {"Kernel": None}),
        ("mine.mat", {"kernel_x2": None}),
        ("mine.mat", {"Kernel": None, "sf": 2}),
        ("mine.npz", {"kernel_x2": None}),
        ("mine.npz", {"kernel": None, "scale": 2}),
        ("mine.pth", {"kernel_x2": None}),
        ("mine_x2.npy", {"": None}),
    ],
)
def test_import_kernels_never_takes_another_scale_in_silence(
    tmp_path: Path, name: str, variables: dict[str, int | None]
) -> None:
    import torch

    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    kernel = gaussian_kernel(15, 2, (1.2, 0.8)).weights.astype(np.float64)
    arrays: dict[str, AnyArray] = {
        key: kernel if number is None else np.array([[number]]) for key, number in variables.items()
    }
    match path.suffix:
        case ".mat":
            scipy_io.savemat(path, arrays)
        case ".npz":
            np.savez(path, **arrays)
        case ".npy":
            np.save(path, kernel)
        case _:
            torch.save({key: torch.from_numpy(array) for key, array in arrays.items()}, path)
    right = import_kernels(ImportKernelsConfig(sources=(path,), pool=tmp_path / "p", scale=2))
    assert right.done == 1 and not any("assumed" in line for line in right.lines)
    with pytest.raises(DegradeError, match=r"named for ×2, not ×4|named for scale 2") as caught:
        import_kernels(ImportKernelsConfig(sources=(path,), pool=tmp_path / "q"))
    assert "`scale" in str(caught.value) and not (tmp_path / "q").exists()


def test_import_kernels_reads_no_network_and_runs_no_pickle(tmp_path: Path) -> None:
    import torch

    weights = {"layer.weight": torch.zeros(64, 1, 7, 7)}
    torch.save(weights, tmp_path / "net.pth")
    torch.save({"kernel": torch.ones(1).expand(4000, 4000)}, tmp_path / "claims.pth")
    np.savez(tmp_path / "objects.npz", kernel=np.array([{}], dtype=object))
    (tmp_path / "pickle.pth").write_bytes(b"cposix\nsystem\n(S'touch pwned'\ntR.")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:90])
    sources = tuple(sorted(tmp_path.glob("*.*")))
    with pytest.raises(DegradeError, match="no kernel can be used, 5 rejected"):
        import_kernels(ImportKernelsConfig(sources=sources, pool=tmp_path / "q"))
