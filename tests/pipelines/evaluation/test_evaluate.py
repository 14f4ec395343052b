"""Results beside HR: planted differences are told, and what cannot be compared is named."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import ndimage

from degrade.arrays import U8Array, round_to_u8
from degrade.images.image_io import read_photo, write_png
from degrade.metrics import psnr, ssim
from degrade.resample import enlarge_u8, imresize
from esrgan.networks import SRVGGNetCompact
from esrgan.upscaling.upscaler import upscale
from pipelines.cli import main
from pipelines.pairs.import_pairs import import_pairs
from tests.making import make_scene

SIDE = 72


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def make_hr(number: int) -> U8Array:
    return round_to_u8(make_scene(f"evaluated {number}", SIDE, SIDE + 8) * 255)


def soft(hr: U8Array, sigma: float) -> U8Array:
    return round_to_u8(ndimage.gaussian_filter(hr.astype(np.float64), (sigma, sigma, 0)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HR, and two methods' results, of which ``better`` is better everywhere."""
    root = tmp_path_factory.mktemp("folders")
    for number in range(6):
        hr = make_hr(number)
        write_png(root / "hr" / f"{number:03}.png", hr)
        write_png(root / "worse" / f"{number:03}x4.png", soft(hr, 2.0))
        write_png(root / "better" / f"{number:03}_model.png", soft(hr, 1.0))
    return root


def facts_of(report: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(report.read_text())["facts"]
    return [fact for fact in found if fact["kind"] == kind]


def test_means_and_paired_differences_are_those_of_the_measures(
    folders: Path, tmp_path: Path
) -> None:
    report, table, sheet = (tmp_path / name for name in ("r.json", "all.csv", "worst.png"))
    found = run(
        *("--report", report, "evaluate", folders / "hr", "--csv", table, "--sheet", sheet),
        *("--sr", folders / "worse", "--sr", folders / "better", "--border", "3"),
    )
    assert found.exit_code == 0, found.output
    assert "better: results are called {name}_model" in found.output
    measures = {fact["measure"]: fact for fact in facts_of(report, "measure")}
    hr = [make_hr(number) for number in range(6)]
    for name, function in (("psnr", psnr), ("ssim", ssim)):
        each = [[function(soft(h, s), h, border=3) for h in hr] for s in (2.0, 1.0)]
        means = [mean["mean"] for mean in measures[name]["means"]]
        assert means == pytest.approx(np.mean(each, axis=1).tolist())
        difference = measures[name]["differences"][0]
        assert difference["mean"] == pytest.approx(means[1] - means[0])
        assert difference["better"] == 6 and difference["interval"][0] > 0
    assert measures["gmsd"]["differences"][0]["interval"][1] < 0
    assert measures["gmsd"]["differences"][0]["better"] == 6
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 12 and rows[0]["image"] == "000.png" and rows[0]["result"] == "worse"
    assert float(rows[1]["psnr"]) == pytest.approx(psnr(soft(hr[0], 1.0), hr[0], border=3))
    pixels = read_photo(sheet).pixels
    assert pixels.shape[0] > 6 * SIDE and pixels.std() > 10
    sheet.write_bytes(b"somebody's own")
    refused = run("evaluate", folders / "hr", "--sr", folders / "worse", "--sheet", sheet)
    assert refused.exit_code == 1 and sheet.read_bytes() == b"somebody's own"


def test_figures_do_not_depend_on_the_number_of_workers(folders: Path, tmp_path: Path) -> None:
    tables = []
    for jobs in ("1", "2"):
        tables.append(tmp_path / f"{jobs}.csv")
        words = ("--sr", folders / "worse", "--csv", tables[-1], "--jobs", jobs)
        assert run("evaluate", folders / "hr", *words).exit_code == 0
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_the_border_is_the_scale_that_names_state(folders: Path, tmp_path: Path) -> None:
    for scale in (2, 3):
        for number in range(2):
            write_png(tmp_path / f"x{scale}" / f"{number:03}x{scale}.png", make_hr(number))
        found = run("evaluate", folders / "hr", "--sr", tmp_path / f"x{scale}")
        assert f"without a border of {scale} pixels" in found.output
    assert "2 images equal to HR, counted as 100 dB" in found.output
    assert "no SR image has its name" in found.output and found.exit_code == 3


def test_what_cannot_be_compared_is_named_and_the_rest_goes_on(
    folders: Path, tmp_path: Path
) -> None:
    for number in range(4):
        write_png(tmp_path / "sr" / f"{number:03}.png", soft(make_hr(number), 1))
    whole = (tmp_path / "sr" / "000.png").read_bytes()
    (tmp_path / "sr" / "000.png").write_bytes(whole[: len(whole) // 2])
    write_png(tmp_path / "sr" / "001.png", make_hr(1)[: SIDE // 2, : SIDE // 2])
    write_png(tmp_path / "sr" / "002.png", soft(make_hr(2), 1)[:-2, :-3])
    write_png(tmp_path / "sr" / "stranger.png", make_hr(1))
    found = run("evaluate", folders / "hr", "--sr", tmp_path / "sr")
    assert found.exit_code == 3, found.output
    assert "evaluate: 2 images" in found.output
    assert "its SR image 000.png cannot be used" in found.output
    assert "36×36, and HR has 80×72" in found.output
    assert "1 image not of HR's size by a few pixels" in found.output
    assert "stranger.png: no HR image has its name" in found.output
    assert "`" not in found.output and "sr_name" not in found.output


def test_evaluate_says_which_template_is_none(folders: Path) -> None:
    write_png(folders / "some" / "000.png", make_hr(0))
    found = run("evaluate", folders / "hr", "--sr", folders / "some", "--sr-name", "psnr")
    assert found.exit_code != 0
    assert "--sr-name must have {name} where the HR image's name stands, such as" in found.output
    assert "lr_name" not in found.output


def test_a_shift_is_told_and_forgiven_by_the_aligned_figures(folders: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    for number in range(3):
        moved = ndimage.shift(
            soft(make_hr(number), 1).astype(np.float64), (0.4, -0.3, 0), order=5, mode="mirror"
        )
        write_png(tmp_path / "sr" / f"{number:03}.png", round_to_u8(moved))
    found = run("--report", report, "evaluate", folders / "hr", "--sr", tmp_path / "sr")
    assert "lies off HR by +0.40 rows and -0.30 columns" in found.output.replace("0.39", "0.40")
    means = {fact["measure"]: fact["means"][0]["mean"] for fact in facts_of(report, "measure")}
    assert means["aligned"] > means["psnr"] + 0.8


def test_one_lower_side_beside_hr_is_passed_over(tmp_path: Path) -> None:
    for number in range(2):
        hr = make_hr(number)
        write_png(tmp_path / "pairs" / f"{number:03}_HR.png", hr)
        write_png(tmp_path / "pairs" / f"{number:03}_LR4.png", hr[::4, ::4])
        write_png(tmp_path / "sr" / f"{number:03}_LR4.png", soft(hr, 1))
    found = run("evaluate", tmp_path / "pairs", "--sr", tmp_path / "sr")
    assert found.exit_code == 0, found.output
    assert "evaluate: 2 images" in found.output
    assert "passed over, LR by their names: 2 images" in found.output


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "small.pth"
    network = SRVGGNetCompact(scale=2, features=8, blocks=1)
    torch.save({"params": network.state_dict()}, path)
    return path


def test_a_model_is_judged_on_pairs_beside_bicubic(tmp_path: Path, model: Path) -> None:
    for number in range(3):
        hr = make_hr(number)
        lr = round_to_u8(imresize(hr.astype(np.float32), 0.5))
        write_png(tmp_path / "HR" / f"{number}.png", hr)
        write_png(tmp_path / "LR" / f"{number}x2.png", lr)
    pairs, report = tmp_path / "pairs", tmp_path / "r.json"
    made = run("import-pairs", "--hr", tmp_path / "HR", "--lr", tmp_path / "LR", "--out", pairs)
    assert made.exit_code == 0, made.output
    found = run("--report", report, "evaluate", pairs, "--weights", model, "--device", "cpu")
    assert found.exit_code == 0, found.output
    assert "without a border of 2 pixels" in found.output
    lrs = [round_to_u8(imresize(make_hr(n).astype(np.float32), 0.5)) for n in range(3)]
    from pipelines.evaluation.models import _generator

    network = _generator(model, "cpu")
    expected = [
        np.mean([psnr(enlarge(lr), make_hr(n), border=2) for n, lr in enumerate(lrs)])
        for enlarge in (lambda lr: enlarge_u8(lr, 2), lambda lr: upscale(lr, network))
    ]
    fact = next(fact for fact in facts_of(report, "measure") if fact["measure"] == "psnr")
    assert [mean["result"] for mean in fact["means"]] == ["bicubic", "small.pth"]
    assert [mean["mean"] for mean in fact["means"]] == pytest.approx(expected)
    images = run("evaluate", tmp_path / "HR", "--lr", tmp_path / "LR", "--weights", model)
    told = [
        [line for line in each.stdout.splitlines()[1:] if "lowest PSNR" not in line]
        for each in (images, found)
    ]
    assert told[0] == told[1]
    # Whoever gives images knows files; whoever gives pairs knows their keys.
    assert re.search(r"bicubic: lowest PSNR, \d\.png ", images.stdout), images.stdout
    assert re.search(r"bicubic: lowest PSNR, \d-[0-9a-f]{12} ", found.stdout), found.stdout
    refused = run("evaluate", tmp_path / "HR", "--weights", model)
    assert refused.exit_code == 1 and "is no folder of pairs" in refused.output


def test_lr_of_rounded_sides_and_of_other_names_are_taken_by_options(
    tmp_path: Path, model: Path
) -> None:
    """What the rejects advise is to be had on this command, too."""
    hr = make_hr(0)[:, :79]
    write_png(tmp_path / "HR" / "a.png", hr)
    write_png(tmp_path / "LR" / "a-small.png", hr[1::2, 1::2])
    words = ("evaluate", tmp_path / "HR", "--lr", tmp_path / "LR", "--weights", model)
    refused = run(*words)
    assert refused.exit_code == 1 and "--lr-name" in refused.output, refused.output
    refused = run(*words, "--lr-name", "{name}-small")
    assert refused.exit_code == 1 and "--scale 2 takes such pairs" in refused.output
    assert run(*words, "--lr-name", "{name}-small", "--scale", "2").exit_code == 0
    refused = run("evaluate", tmp_path / "HR", "--sr", tmp_path / "LR", "--scale", "2")
    assert refused.exit_code == 1 and "add --lr" in refused.output


def test_what_lr_is_left_out_cut_or_taken_against_its_name_is_told(
    tmp_path: Path, model: Path
) -> None:
    for name, scale, columns in (("a", 2, 80), ("b", 2, 79), ("c", 4, 80)):
        hr = make_hr(0)[:, :columns]
        write_png(tmp_path / "HR" / f"{name}.png", hr)
        write_png(tmp_path / "LR" / f"{name}x{scale}.png", hr[::scale, ::scale])
    hr = make_hr(1)
    write_png(tmp_path / "HR" / "d.png", hr)
    write_png(tmp_path / "LR" / "dx3.png", hr[::2, ::2])
    report = tmp_path / "r.json"
    words = ("evaluate", tmp_path / "HR", "--lr", tmp_path / "LR", "--weights", model)
    found = run("--report", report, *words, "--scale", "2", "--device", "cpu")
    assert found.exit_code == 0, found.output
    for line in (
        "passed over, of another scale (×4): 1 pair",
        "named for another scale than --scale: 1 pair, such as dx3.png",
        "LR is HR over 2, its sides rounded",
    ):
        assert line in found.output, found.output
    assert [fact["pairs"] for fact in facts_of(report, "other_scales")] == [1]
    assert "degrade-evaluate-" not in found.output + report.read_text()


def test_ctrl_c_while_lr_is_taken_in_ends_the_command(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_png(tmp_path / "HR" / "a.png", make_hr(0))
    write_png(tmp_path / "LR" / "a.png", make_hr(0)[::2, ::2])

    def pressed(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    taken_in = partial(import_pairs, on_progress=pressed)
    monkeypatch.setattr("pipelines.evaluation.evaluate.import_pairs", taken_in)
    found = run("evaluate", tmp_path / "HR", "--lr", tmp_path / "LR", "--weights", model)
    assert found.exit_code == 130 and "evaluate: " not in found.output, found.output


def test_several_lr_of_an_image_are_chosen_by_options_that_there_are(
    tmp_path: Path, model: Path
) -> None:
    for name, others in (("a", ("ax2", "ax2w1")), ("b", ("b", "bx2"))):
        hr = make_hr(len(others[0]))
        write_png(tmp_path / "HR" / f"{name}.png", hr)
        for other in others:
            write_png(tmp_path / "LR" / f"{other}.png", hr[::2, ::2])
    report = tmp_path / "r.json"
    words = ("evaluate", tmp_path / "HR", "--lr", tmp_path / "LR", "--weights", model)
    run("--report", report, *words, "--device", "cpu")
    rejects = json.loads(report.read_text())["rejects"]
    choice = "choose by --scale, or say how LR images are called: --lr-name {name}x4"
    assert {Path(each["path"]).name: each["remedy"] for each in rejects} == {
        **dict.fromkeys(("a.png", "ax2.png", "ax2w1.png"), choice),
        "bx2.png": "choose another LR image: --lr-name {name}x4",
    }


def test_what_one_of_several_methods_lacks_is_named_with_its_folder(
    folders: Path, tmp_path: Path
) -> None:
    hr, some = tmp_path / "hr", tmp_path / "some"
    for number in (0, 1):
        write_png(hr / f"00{number}.png", make_hr(number))
    write_png(some / "000.png", make_hr(0))
    report = tmp_path / "r.json"
    run("--report", report, "evaluate", hr, "--sr", some, "--sr", folders / "worse")
    rejects = json.loads(report.read_text())["rejects"]
    whose = sorted(each["reason"] for each in rejects if each["path"] == str(hr / "001.png"))
    assert whose == [f"no SR image in {some} has its name"]


def test_wrong_calls_are_refused_in_one_line(folders: Path, tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, text in (
        (("--sr", folders / "hr"), "nothing to compare"),
        ((), "--sr DIR, or a model and pairs"),
        (("--sr", folders / "worse", "--weights", model), "one of both"),
        (("--sr", tmp_path / "nowhere"), "does not exist"),
        (("--sr", tmp_path / "empty"), "no photo in"),
        (("--sr", folders / "worse", "--border", "40"), "no image can be compared"),
        (("--sr", folders / "worse", "--sr", folders / "worse"), "worse is given twice"),
        (("--sr", folders / "worse", "--sr-name", "x4"), "must have {name}"),
        (("--sr", folders / "worse", "--niqe-from", folders / "hr"), "NIQE cannot be fitted"),
    ):
        found = run("evaluate", folders / "hr", *words)
        assert found.exit_code in (1, 2), words
        assert text in found.output, found.output
        assert len(found.output.strip().splitlines()) <= 8


def test_lpips_is_told_by_the_users_files(folders: Path, tmp_path: Path) -> None:
    import torch

    from esrgan.perceptual.backbones import ALEXNET

    torch.manual_seed(0)
    network = {
        f"features.{layer}.{part}": torch.randn(shape if part == "weight" else shape[:1]) * 0.05
        for layer, shape in ALEXNET.shapes.items()
        for part in ("weight", "bias")
    }
    linear = {
        f"lin{n}.model.1.weight": torch.rand(1, w, 1, 1) for n, w in enumerate(ALEXNET.widths)
    }
    torch.save(network, tmp_path / "network.pth")
    torch.save(linear, tmp_path / "linear.pth")
    words = ("evaluate", folders / "hr", "--sr", folders / "worse", "--lpips")
    report = tmp_path / "r.json"
    both = (tmp_path / "linear.pth", "--lpips", tmp_path / "network.pth")
    found = run("--report", report, *words, *both)
    assert found.exit_code == 0, found.output
    fact = next(fact for fact in facts_of(report, "measure") if fact["measure"] == "lpips")
    assert fact["means"][0]["mean"] > 0 and fact["higher_is_better"] is False
    missing = run(*words, tmp_path / "linear.pth")
    assert missing.exit_code == 1
    assert "--lpips wants, in one file or two" in missing.output


@pytest.mark.parametrize(("given", "is_loaded"), [("--weights", True), ("--sr", False)])
def test_pytorch_is_loaded_before_the_job_begins(given: str, is_loaded: bool) -> None:
    """While a command loads, Ctrl-C ends it at once; within a job it waits for the import."""
    code = (
        "import sys, pipelines.cli, pipelines.evaluation.evaluate as module\n"
        "def begin(*_, **__): print('torch' in sys.modules)\n"
        "module.evaluate = begin\n"
        f"pipelines.cli.main(['evaluate', '.', '{given}', '.'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.splitlines()[0] == str(is_loaded), found.stderr
