from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.kernels import shapes
from benchmarks.kernels.cases import (
    SETS,
    Case,
    Recipe,
    cases_of,
    in_family,
    make_case,
    research_photos,
)
from benchmarks.kernels.command import main
from benchmarks.kernels.memory import peak_megabytes
from benchmarks.kernels.methods import (
    FLOORS,
    METHODS,
    Estimate,
    Method,
    Photo,
    best_gaussian,
    constant,
    gaussian_of,
)
from benchmarks.kernels.scoring import WALL, Score, score_set
from benchmarks.kernels.tables import rank_correlation, reliability_table, set_table
from degrade.errors import DegradeError
from degrade.geometry import Scale, as_scale
from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel, kernel_sigmas
from degrade.kernels.metrics import kernel_psnr
from tests.making import make_scene


@pytest.fixture
def photo_path(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    write_png(path, quantise(make_scene("benchmark", 260, 300)))
    return path


def case_of(path: Path, scale: int = 2) -> Case:
    return make_case(Recipe("disk", lambda s: shapes.render(shapes.disk(1.0), s)), path, scale)


@pytest.mark.parametrize("scale", [as_scale("1.5"), 2, as_scale("2.5"), 3, 4])
@pytest.mark.parametrize(
    ("density", "variances"),  # of rows and columns, LR pixels²
    [
        (shapes.disk(1.5), (1.5**2 / 4, 1.5**2 / 4)),
        (shapes.ring(0.8, 1.6), ((0.8**2 + 1.6**2) / 4,) * 2),
        (shapes.box(1.0, 2.5), (1.0 / 12, 2.5**2 / 12)),
        (shapes.gaussian(0.9, 0.5, 90), (0.9**2, 0.5**2)),
        (shapes.motion(3.0, 0), (0.25**2, 3.0**2 / 12 + 0.25**2)),
    ],
)
def test_render_gives_the_shape_its_spread(
    density: shapes.Density, variances: tuple[float, float], scale: Scale
) -> None:
    weights = shapes.render(density, scale).weights.astype(np.float64)
    for axis, variance in zip((1, 0), variances, strict=True):
        profile = weights.sum(axis=axis)
        places = np.arange(len(profile)) - profile @ np.arange(len(profile))
        # Light is gathered over pixels 1 wide, which moves the spread by up to 1/6.
        assert profile @ places**2 == pytest.approx(scale**2 * variance, rel=0.05, abs=0.18)


def test_in_family_follows_its_recipe() -> None:
    for scale in (2, 3, 4):
        kernels = [recipe.kernel(scale) for recipe in in_family(Path(), scale)]
        assert len(kernels) == 12
        sigmas = np.array([kernel_sigmas(kernel.weights) for kernel in kernels])
        assert sigmas.max() < 1.05 * np.sqrt(2.5 * scale)
        assert np.ptp(sigmas) > 0.3 * scale
        assert min(k.size for k in kernels) == {2: 11, 3: 17, 4: 21}[scale]


def test_make_case_is_the_same_each_time(photo_path: Path) -> None:
    recipe = Recipe("x", in_family(Path(), 2)[0].kernel, noise_sigma=3, jpeg_quality=85)
    one, other = (make_case(recipe, photo_path, 2) for _ in range(2))
    assert np.array_equal(one.lr_u8, other.lr_u8)
    assert np.array_equal(one.truth.weights, other.truth.weights)
    assert not np.array_equal(one.lr_u8, make_case(replace(recipe, name="y"), photo_path, 2).lr_u8)


def test_make_case_adds_its_noise_to_lr_alone(photo_path: Path) -> None:
    case = make_case(Recipe("x", in_family(Path(), 2)[0].kernel, noise_sigma=3), photo_path, 2)
    assert case.lr_u8.shape == (130, 150, 3)
    assert (case.lr_u8 - case.clean_lr_u8.astype(float)).std() == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("scale", [2, as_scale("2.5"), 4])
def test_best_gaussian_finds_a_gaussian(scale: Scale) -> None:
    spread = (0.9 * float(scale), 0.4 * float(scale))
    truth = gaussian_kernel(int(4 * scale) * 2 + 1, scale, spread, 2.0)
    assert kernel_psnr(best_gaussian(truth).weights, truth.weights) > 65


def test_best_gaussian_beats_all_others_near_it() -> None:
    truth = shapes.render(shapes.motion(2.0, 30), 2)
    best = kernel_psnr(best_gaussian(truth).weights, truth.weights)
    grid = itertools.product(
        np.linspace(-0.5, 0.9, 6), np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)
    )
    others = [kernel_psnr(gaussian_of(np.array(p), 2).weights, truth.weights) for p in grid]
    assert best > max(others) - 1e-3


def unwilling(photo: Photo) -> Estimate:
    raise DegradeError(f"{photo.name}: too flat")


def test_score_set_scores_floor_wall_and_failure(photo_path: Path) -> None:
    methods = {
        "constant": Method(constant),
        "fails": Method(unwilling),
        "elsewhere": Method(unwilling, scales=(3,)),
    }
    scores = {s.method: s for s in score_set("made", [case_of(photo_path)], methods, 1)}
    assert list(scores) == ["constant", "fails", WALL]
    assert scores["fails"].kpsnr is None
    assert scores["fails"].problem.endswith("too flat")
    floor, wall = scores["constant"], scores[WALL]
    assert floor.kpsnr is not None and wall.kpsnr is not None and floor.kpsnr < wall.kpsnr
    assert floor.repsnr is not None and wall.repsnr is not None and floor.repsnr < wall.repsnr
    assert floor.seconds is not None and wall.seconds is None


def test_set_table_counts_what_is_far_below_the_floor() -> None:
    def made(method: str, figures: list[float | None]) -> list[Score]:
        return [Score("s", f"c{n}", method, value, value) for n, value in enumerate(figures)]

    scores = made("constant", [40.0, 45.0, 50.0]) + made("other", [37.9, 43.1, None])
    scores[-1] = replace(scores[-1], problem="too flat")
    scores[-2] = replace(scores[-2], expected_kpsnr=90.0, width_error=-0.1)
    *_, line, problem = set_table("title", scores, {"other": 12.0}).splitlines()
    assert line.split() == [
        *("other", "40.50", "40.50", "37.90", "40.50"),
        *("10%", "90.00", "0%", "1", "1", "–", "12"),
    ]
    assert problem == "other failed: too flat"


def test_reliability_table_tells_order_from_chance() -> None:
    rng = np.random.default_rng(1)
    expected = rng.uniform(40, 55, 60)
    scores = [
        Score("s", f"c{n}", "m", kpsnr=e + rng.normal(0, 1), expected_kpsnr=e)
        for n, e in enumerate(expected)
    ]
    text = reliability_table(scores)
    assert float(text.split("kPSNR ")[1].split(",")[0]) > 0.9
    assert sum(int(line.split()[3]) for line in text.splitlines()[2:]) == 60
    assert reliability_table([Score("s", "c", "m", kpsnr=1.0)]) == ""


def test_rank_correlation_of_no_order_is_nan() -> None:
    assert np.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))
    assert rank_correlation([1.0, 2.0, 9.0], [3.0, 4.0, 5.0]) == pytest.approx(1)


def test_peak_megabytes_of_a_floor_is_small() -> None:
    photo = Photo("x", np.zeros((64, 64, 3), dtype=np.uint8), 2, 1)
    assert 0 <= peak_megabytes("bicubic", photo) < 50


def test_main_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--shared", str(tmp_path)])
    assert result.exit_code == 1
    assert "MANIFEST.csv is missing" in result.output


def test_every_set_of_the_benchmark_is_sound(shared_data: Path) -> None:
    trained = {path.name for path in (shared_data / "train").iterdir()}
    assert not trained & {path.name for path in research_photos(shared_data.parent)}
    for name, (scale, _) in SETS.items():
        case = next(cases_of(name, shared_data.parent, 1), None)
        if case is None:
            pytest.skip("the shared bench (../shared/bench/kernels) is not here")
        assert case.truth.scale == scale
        assert case.hr_u8.shape[0] == scale * case.lr_u8.shape[0]
        width = np.prod(kernel_sigmas(case.truth.weights)) ** 0.5
        assert 0.2 * scale < width < 2 * scale
        assert case.clean_lr_u8.shape == case.lr_u8.shape


def test_main_prints_tables_and_writes_figures(shared_data: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = [
        "--shared",
        str(shared_data.parent),
        "--sets",
        "x4,real",
        "--methods",
        "constant",
        "--photos",
        "1",
        "--cases",
        "--json",
        str(figures),
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    for word in ("x4: ×4, 1 photos", "best gaussian", "real: ×4, 1 pairs", "best constant"):
        assert word in result.output
    written = json.loads(figures.read_text())
    assert {s["method"] for s in written["scores"]} == {*FLOORS, WALL}
    assert "bicubic" in METHODS
