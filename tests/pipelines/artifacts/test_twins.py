"""Which results ``degrade detect-artifacts`` takes for those of one photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.images.image_io import write_png
from tests.degrade.audit.scenes import make_photo
from tests.pipelines.artifacts.detecting import SMALL, folders, rename, run


@pytest.mark.parametrize(
    ("gan", "mse", "said"),
    [
        ("{}x4", "{}", ""),
        ("{}_SR", "{}_LRBI_x4", ""),
        (
            "{}_gan",
            "{}_psnr",
            "GAN results are called {name}_gan and MSE results are called {name}_psnr",
        ),
        ("{}", "{}_out", "called {name}_out"),
    ],
)
def test_detect_artifacts_pairs_names_as_import_pairs_does(
    results: Path, gan: str, mse: str, said: str
) -> None:
    for number in range(3):
        (results / "gan" / f"{number}.png").rename(results / "gan" / f"{gan.format(number)}.png")
        (results / "mse" / f"{number}.png").rename(results / "mse" / f"{mse.format(number)}.png")
    found = run(*folders(results), *SMALL, "--truth", results / "truth")
    assert said in found.output
    assert "2 areas flagged in 1 of 3 images" in found.output
    assert (results / "out" / "masks" / f"{gan.format(1)}.png").exists()


def test_detect_artifacts_takes_a_template_for_names(results: Path) -> None:
    for number in range(3):
        (results / "mse" / f"{number}.png").rename(results / "mse" / f"a{number}b.png")
    refused = run(*folders(results), *SMALL)
    assert refused.exit_code == 1
    assert "no MSE image has its name" in refused.output and "--mse-name" in refused.output
    found = run(*folders(results), *SMALL, "--mse-name", "a{name}b")
    assert found.exit_code == 0, found.output
    assert "2 areas flagged in 1 of 3 images" in found.output


def test_detect_artifacts_tries_endings_on_what_is_left_over(results: Path) -> None:
    rename(results, "{}_gan", "{}_psnr")
    for side in ("mse", "gan"):
        write_png(results / side / "extra.png", make_photo("extra", 160))
    write_png(results / "mse" / "other_psnr.png", make_photo("other", 160))
    found = run(*folders(results), *SMALL)
    assert "2 areas flagged in 1 of 4 images" in found.output
    assert "other_psnr.png: no GAN image has its name" in found.output
    assert found.exit_code == 3 and found.output.count("has its name") == 1


def test_detect_artifacts_takes_no_number_for_an_ending_where_names_are_equal(
    results: Path,
) -> None:
    """Frames of two films of which each side lacks one."""
    for side, lacking in (("gan", 2), ("mse", 1)):
        for film in "ab":
            for number in {0, 1, 2} - {lacking}:
                write_png(results / side / f"{film}_{number}.png", make_photo(film, 160))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3 and "of 5 images" in found.output
    assert found.output.count("has its name") == 4
    write_png(results / "mse" / "b_11.png", make_photo("b", 160))
    (results / "mse" / "b_2.png").unlink()
    (results / "mse" / "a_2.png").unlink()
    found = run(*folders(results), *SMALL)
    assert "of 5 images" in found.output


def test_detect_artifacts_names_no_template_that_nobody_gave(results: Path) -> None:
    for number in range(3):
        (results / "mse" / f"{number}.png").rename(results / "mse" / f"a{number}b.png")
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 1 and "--mse-name '{name}'" not in found.output
    assert "no MSE image has its name" in found.output


@pytest.mark.parametrize("template", ["psnr", "{name}{index}"])
def test_detect_artifacts_says_which_template_is_none(results: Path, template: str) -> None:
    found = run(*folders(results), *SMALL, "--mse-name", template)
    assert found.exit_code != 0 and "--mse-name must have {name}" in found.output
    assert "lr_name" not in found.output and "HR" not in found.output


def test_detect_artifacts_keeps_results_of_one_name_apart(results: Path) -> None:
    for side in ("mse", "gan"):
        (results / side / "1.webp").write_bytes(
            cv2.imencode(".webp", cv2.imread(str(results / side / "2.png")))[1].tobytes()
        )
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3
    assert "has the same name; rename one" in found.output
    assert "of 3 images" in found.output


@pytest.mark.parametrize("clean", ["lr/0.png", "lr/0x4.png", "gan/0_gan.png", "mse/0_psnr.png"])
def test_detect_artifacts_knows_clean_ones_without_the_ending(results: Path, clean: str) -> None:
    rename(results, "{}_gan", "{}_psnr")
    found = run(*folders(results), *SMALL, "--clean", results / clean)
    assert found.exit_code == 0, found.output
    assert "calibrated by 1 clean result" in found.output
    assert "flagged in 1 of 2 images" in found.output


def test_detect_artifacts_rejects_what_has_no_fit_twin_and_goes_on(results: Path) -> None:
    (results / "mse" / "0.png").unlink()
    write_png(results / "mse" / "2.png", np.zeros((20, 30, 3), np.uint8))
    found = run(*folders(results), *SMALL)
    assert found.exit_code == 3
    assert "0.png: no MSE image has its name" in found.output
    assert "160×160 pixels, and the other result 30×20" in found.output
    assert "1 image" in found.output


def test_detect_artifacts_refuses_one_folder_as_both(results: Path) -> None:
    (results / "link").symlink_to(results / "gan")
    for mse in (results / "gan", results / "link"):
        both = ("--mse", mse, "--gan", results / "gan")
        found = run("detect-artifacts", *both, "--out", results / "out", *SMALL)
        assert found.exit_code == 1
        assert "nothing to compare" in found.output and "has the name" not in found.output


def test_journals_beside_results_are_not_told(results: Path) -> None:
    for name in ("rejects.jsonl", "upscale.jsonl"):
        (results / "gan" / name).touch()
    assert "passed over" not in run(*folders(results), *SMALL).output
    (results / "gan" / "notes.jsonl").touch()
    assert "passed over: 1 .jsonl\n" in run(*folders(results), *SMALL).output
