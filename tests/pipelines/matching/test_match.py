"""The closed loop from folders to pairs: a planted camera is matched; what cannot be is said."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import round_to_u8
from degrade.audit.closed_loop import Gain, kernel_response, with_gain
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.degradation.even_filters import response_along_axes
from degrade.degradation.steps import ColourResponse, ColourResponseSettings
from degrade.errors import DegradeError
from degrade.images.image_io import read_photo, write_png
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.pool.records import Provenance
from degrade.rng import rng_for
from pipelines.cli import main
from pipelines.matching.match import MatchConfig, match_photos
from tests.degrade.audit.scenes import make_scene
from tests.pipelines.matching.pools import add_photo, kernel_with_lobes

_COUNT = 20
_SCALE = 2
_START = gaussian_kernel(17, _SCALE, (1.1, 1.1))
_BUMP = 0.4 * np.exp(-np.square((BAND_FREQUENCIES - 0.15) / 0.08)) * (BAND_FREQUENCIES > 0.03)
_CAMERA = with_gain(gaussian_kernel(17, _SCALE, (1.2, 1.2)), _BUMP)
_INDEX = "index.jsonl"


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


@pytest.fixture(scope="module")
def hr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hr")
    for number in range(_COUNT):
        write_png(folder / f"{number}.png", round_to_u8(make_scene(f"hr {number}", 160)))
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a camera with a sharpening kernel and a little noise makes of other scenes."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(_COUNT):
        levels = downsample(np.rint(make_scene(f"photo {number}", 160)), _CAMERA)
        levels += rng_for(0, "sensor", number).normal(0, 0.3, levels.shape).astype(np.float32)
        write_png(folder / f"{number}.png", round_to_u8(np.clip(levels, 0, 255)))
    return folder


def _begin(folder: Path) -> Path:
    """Make a pool that has one kernel, which is none of the camera's."""
    pool = DegradationPool.create(folder)
    provenance = Provenance("start", None, None, "import", {}, "test")
    pool.add_kernel(_START, provenance)
    return folder


def test_a_kernel_that_cannot_be_corrected_is_told_and_ends_no_match(
    tmp_path: Path, photos: Path, hr: Path
) -> None:
    pool, report = _begin(tmp_path / "pool"), tmp_path / "report.json"
    opened = DegradationPool.open(pool)
    kernels = {f"σ {sigma}": gaussian_kernel(17, _SCALE, (sigma, 1.1)) for sigma in (0.9, 1, 1.2)}
    with opened.writing():
        for name, kernel in {**kernels, "lobes": kernel_with_lobes(1513)}.items():
            opened.add_kernel(kernel, Provenance(name, None, None, "import", {}, "test"))
    words = ("match", photos, "--pool", pool, "--hr", hr, "--scale", _SCALE)
    found = run("--report", report, *words)
    assert found.exit_code == 0, found.output
    told = "1 kernel of 5 could not be corrected and stays as estimated, as lobes leave no centre"
    assert f"{told}: lobes" in found.output
    assert "recipe matched of 5 kernels" in found.output


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory, photos: Path, hr: Path) -> tuple[Path, Path]:
    """Return a pool in which the photos were matched, and the report."""
    folder = tmp_path_factory.mktemp("matched")
    pool, report = _begin(folder / "pool"), folder / "report.json"
    words = ("match", photos, "--pool", pool, "--hr", hr, "--scale", _SCALE)
    found = run("--report", report, *words, "--sheet", folder / "match.png")
    assert found.exit_code == 0, found.output
    assert "no kernel of the pool is of these photos" in found.output
    assert "round 0: spectra" in found.output and "recipe matched of 1 kernel" in found.output
    assert "refined" not in found.output, "kernels for training stay apart"
    assert min(read_photo(folder / "match.png").pixels.shape[:2]) > 600
    return pool, report


def test_match_refuses_a_pool_in_use_before_it_looks_at_anything(
    tmp_path: Path, photos: Path, hr: Path
) -> None:
    """Not at its end, where all that it has found would be lost."""
    pool, seen = _begin(tmp_path / "pool"), []
    config = MatchConfig(photos=(photos,), pool=pool, hr=(hr,), scale=_SCALE)
    with DegradationPool.open(pool).writing(), pytest.raises(DegradeError, match="is in use by"):
        match_photos(config, on_progress=lambda *counts: seen.append(counts))
    assert not seen


def test_match_finds_the_planted_camera(matched: tuple[Path, Path]) -> None:
    """Its kernel within 1.4 dB (root mean square) up to 0.4 c/px; LR is nearer to the photos."""
    pool, report = matched
    opened = DegradationPool.open(pool)
    (key,) = opened.index(_SCALE).matched_ids
    off = [
        20 * np.log10(kernel_response(kernel) / kernel_response(_CAMERA))[2:20]
        for kernel in (_START, opened.read_kernel(key))
    ]
    before, after = (np.sqrt(np.mean(np.square(each))) for each in off)
    assert before > 1.9 and after < 1.4
    facts = json.loads(report.read_text())["facts"]
    rounds = [fact["gap"] for fact in facts if fact["kind"] == "round"]
    assert min(rounds) < rounds[0] / 3
    of = [fact["of"] for fact in facts if fact["kind"] == "spectra"]
    assert of == ["grey", "colours"]
    made = run("report", report, "-o", report.with_suffix(".html"))
    assert made.exit_code == 0 and "Power of colours" in report.with_suffix(".html").read_text()
    (doubt,) = (fact for fact in facts if fact["kind"] == "doubt")
    assert 0.01 < doubt["at 0.15"] < doubt["at 0.3"] < 0.5  # the kernel is off by no more
    verdicts = {fact["kind"]: fact for fact in facts if fact["kind"] in ("before", "verdict")}
    assert verdicts["verdict"]["of"] == "after, corrected kernels alone"
    assert verdicts["verdict"]["words"].startswith("after, corrected kernels alone: ")
    assert verdicts["before"]["auc"] > 0.9
    assert verdicts["verdict"]["auc"] < verdicts["before"]["auc"] - 0.1


def test_sharper_kernels_keep_more_by_the_doubt_that_is_told(
    matched: tuple[Path, Path], photos: Path, hr: Path, tmp_path: Path
) -> None:
    pool, report = _begin(tmp_path / "pool"), tmp_path / "report.json"
    words = ("match", photos, "--pool", pool, "--hr", hr, "--scale", _SCALE, "--sharper", 2)
    found = run("--report", report, *words)
    assert found.exit_code == 0 and "as --sharper says" in found.output, found.output
    opened, other = DegradationPool.open(pool), DegradationPool.open(matched[0])
    (key,), (known,) = opened.index(_SCALE).matched_ids, other.index(_SCALE).matched_ids
    ratio = kernel_response(opened.read_kernel(key)) / kernel_response(other.read_kernel(known))
    facts = json.loads(report.read_text())["facts"]
    (doubt,) = (fact for fact in facts if fact["kind"] == "doubt")
    at = [float(np.interp(band, BAND_FREQUENCIES, ratio)) for band in (0.15, 0.3)]
    assert np.allclose(np.log(at), [2 * doubt["at 0.15"], 2 * doubt["at 0.3"]], atol=0.03)
    refused = run(*words, "--aim", "match")
    assert refused.exit_code == 1 and "`sharper` is for training" not in refused.output
    assert "--sharper is for training" in refused.output


def test_match_finds_colours_that_are_softer_than_any_kernel_makes_them(
    photos: Path, hr: Path, tmp_path: Path
) -> None:
    """A Gaussian of 1 LR pixel on Cb and Cr, -15 dB at 0.3 c/px, found within 3.5 dB up to there.

    By so much twenty scenes differ from twenty others, and the kernel is found within 1.4 dB.
    """
    _of_soft_colours(photos, tmp_path / "soft", 1.0)
    pool, report = _begin(tmp_path / "pool"), tmp_path / "report.json"
    words = ("match", tmp_path / "soft", "--pool", pool, "--hr", hr, "--scale", _SCALE)
    found = run("--report", report, *words, "--aim", "match")
    assert (
        found.exit_code == 0 and "always colour-response: of colours, amplitude ×" in found.output
    )
    rounds = [
        fact["colour_gap"]
        for fact in json.loads(report.read_text())["facts"]
        if fact["kind"] == "round"
    ]
    assert min(rounds) < rounds[0] / 3
    entries = DegradationPool.open(pool).matched_recipe(_SCALE).entries
    (settings,) = [each.settings for each in entries if each.kind == ColourResponse.kind]
    assert isinstance(settings, ColourResponseSettings)
    cycles = np.linspace(0.1, 0.3, 9)
    wanted = np.exp(-2 * np.square(np.pi * cycles))
    gains = 20 * np.log10(response_along_axes(settings.taps, cycles) / wanted)
    assert np.abs(gains).max() < 3.5, gains
    made = run("build-pairs", *words[2:], "--recipe", "matched", "--out", tmp_path / "pairs")
    assert made.exit_code == 0, made.output
    sidecar = min((tmp_path / "pairs").glob("shard-*.json"))
    key = json.loads(sidecar.read_text())["records"][0]["key"]
    assert run("replay", tmp_path / "pairs", key).exit_code == 0


@pytest.mark.parametrize(
    ("start", "softness", "first"),
    [
        pytest.param(1.8, 0.8, 2.0, id="near, until rounds sharpen grey and colours with it"),
        pytest.param(1.1, 1.5, 20.0, id="a twentieth is left, as of a phone's"),
    ],
)
def test_colours_end_near_whatever_the_kernels_still_need(
    photos: Path, hr: Path, tmp_path: Path, start: float, softness: float, first: float
) -> None:
    soft = _of_soft_colours(photos, tmp_path / "soft", softness)
    pool = DegradationPool.create(tmp_path / "pool")
    kernel = gaussian_kernel(17, _SCALE, (start, start))
    pool.add_kernel(kernel, Provenance("start", None, None, "import", {}, "test"))
    config = MatchConfig(photos=(soft,), pool=tmp_path / "pool", hr=(hr,), scale=_SCALE)
    facts = match_photos(config).report.to_json()["facts"]
    gaps = [fact["colour_gap"] for fact in facts if fact["kind"] == "round"]
    assert gaps[0] < first and gaps[-1] < 1.2, gaps


def test_match_finds_a_camera_that_is_softer_along_rows(hr: Path, tmp_path: Path) -> None:
    """From a round kernel; the gain is by the photos, and `--directions none` gives none."""
    camera = gaussian_kernel(17, _SCALE, (2.0, 1.2), 0.0)
    for number in range(_COUNT):
        levels = downsample(np.rint(make_scene(f"moved {number}", 160)), camera)
        write_png(tmp_path / "photos" / f"{number}.png", round_to_u8(np.clip(levels, 0, 255)))
    pool, report = _begin(tmp_path / "pool"), tmp_path / "report.json"
    words = ("match", tmp_path / "photos", "--pool", pool, "--hr", hr, "--scale", _SCALE)
    found = run("--report", report, *words, "--aim", "match", "--sheet", tmp_path / "match.png")
    assert found.exit_code == 0 and "photos show rows against columns -" in found.output
    facts = json.loads(report.read_text())["facts"]
    (told,) = [fact for fact in facts if fact["kind"] == "direction"]
    assert told["corrected"] and told["held_out"][1] < 0.7 * told["held_out"][0]
    assert told["before"]["along rows"] < -1 < told["after"]["along rows"]
    made = run("report", report, "-o", report.with_suffix(".html"))
    assert made.exit_code == 0
    assert "kernels keep of the amplitude, by direction" in report.with_suffix(".html").read_text()
    key = DegradationPool.open(pool).index(_SCALE).matched_ids[0]
    assert _along_rows_over_columns(DegradationPool.open(pool).read_kernel(key)) < 0.8
    again = run(*words, "--aim", "match", "--directions", "none")
    assert again.exit_code == 0 and "direction:" not in again.output
    key = DegradationPool.open(pool).index(_SCALE).matched_ids[0]
    assert abs(_along_rows_over_columns(DegradationPool.open(pool).read_kernel(key)) - 1) < 0.01


def _along_rows_over_columns(kernel: BlurKernel) -> float:
    """Return what is kept of details along rows at 0.25 c/px, against those along columns."""
    waves = np.exp(-2j * np.pi * 0.25 / _SCALE * np.arange(kernel.size))
    along = [np.abs(kernel.weights.sum(axis=axis) @ waves) for axis in (0, 1)]
    return float(along[0] / along[1])


def test_match_gives_each_camera_of_a_set_its_own_gain(hr: Path, tmp_path: Path) -> None:
    """One camera softer and one sharper than the kernel that both begin with."""
    cameras = {"soft": gaussian_kernel(17, _SCALE, (1.5, 1.5)), "sharp": _CAMERA}
    pool = DegradationPool.create(tmp_path / "pool")
    for name, kernel in cameras.items():
        for number in range(_COUNT):
            path = tmp_path / "photos" / f"{name} {number}.png"
            levels = downsample(np.rint(make_scene(f"{name} {number}", 160)), kernel)
            write_png(path, round_to_u8(np.clip(levels, 0, 255)))
            start = gaussian_kernel(17, _SCALE, (1.1 + len(pool.kernels) / 1000, 1.1))
            values = {"make": "Test", "model": name}
            add_photo(
                pool, path, start, Findings(kind="camera", settings={}, values=values), side=80
            )
    words = ("match", tmp_path / "photos", "--pool", tmp_path / "pool", "--hr", hr)
    found = run(*words, "--scale", _SCALE, "--aim", "match")
    assert found.exit_code == 0, found.output
    assert "Test soft, 20 photos: a gain of its own" in found.output
    # Each camera is asked for direction by itself, and has none.
    assert found.stdout.count("Test soft: direction: photos show none") == 1
    assert found.stdout.count("Test sharp: direction: photos show none") == 1
    opened = DegradationPool.open(tmp_path / "pool")
    responses: dict[str, list[Gain]] = {"soft": [], "sharp": []}
    for record in opened.kernels:
        if record.provenance.method == "matched":
            name = record.provenance.source_name.split()[0]
            responses[name].append(kernel_response(opened.read_kernel(record.id)))
    for name, others in (("soft", "sharp"), ("sharp", "soft")):
        truth, other = (kernel_response(cameras[each]) for each in (name, others))
        own = np.mean(responses[name], axis=0)
        near, far = (
            np.sqrt(np.mean(np.square(20 * np.log10(own / each)[2:16]))) for each in (truth, other)
        )
        assert near < 1.5 and near < 0.7 * far, (name, near, far)


def test_pairs_for_training_draw_the_photos_own_kernels_too(
    photos: Path, hr: Path, tmp_path: Path
) -> None:
    """Each as it was estimated and as it was corrected; kernels of other photos are not drawn."""
    pool = DegradationPool.create(tmp_path / "pool")
    wider = gaussian_kernel(17, _SCALE, (1.15, 1.15))
    of_photos = [photos / f"{number}.png" for number in (0, 1)]
    shas = [hashlib.sha256(path.read_bytes()).hexdigest() for path in of_photos]
    for kernel, sha in zip((_START, wider, _CAMERA), (*shas, "f" * 64), strict=True):
        pool.add_kernel(kernel, Provenance("a photo", sha, None, "by hand", {}, "test"))
    words = ("match", photos, "--pool", pool.path, "--hr", hr, "--scale", _SCALE)
    words += ("--prior", "none", "--aim")  # else those for training are moved
    drawn = {}
    for aim, said in (("train", "of 4 kernels"), ("match", "of 2 kernels")):
        found = run(*words, aim)
        assert found.exit_code == 0 and f"recipe matched {said}" in found.output, found.output
        # Whose figures are told: half of the pairs are by other kernels, where that trains.
        assert ("each photo's own estimate, too" in found.output) == (aim == "train")
        opened = DegradationPool.open(pool.path)
        index = opened.index(_SCALE)
        drawn[aim] = {key: kernel_response(opened.read_kernel(key)) for key in index.matched_ids}
        # Each photo has one chance, whatever the number of its kernels.
        assert sorted(map(len, index.matched_by_photo)) == [len(drawn[aim]) // 2] * 2
        if aim == "train":
            _same_pairs_of_a_fingerprint(pool.path, hr, tmp_path, kernels=4)
    assert drawn["match"].keys() < drawn["train"].keys()
    own = [drawn["train"][key] for key in drawn["train"].keys() - drawn["match"].keys()]
    for kernel in (_START, wider):
        assert min(np.abs(each - kernel_response(kernel)).max() for each in own) < 1e-3


def _same_pairs_of_a_fingerprint(pool: Path, hr: Path, folder: Path, *, kernels: int) -> None:
    assert run("fingerprint", pool, "-o", folder / "camera.json").exit_code == 0
    words = ("--hr", hr, "--scale", _SCALE, "--recipe", "matched")
    for name, place in (("pool", pool), ("fingerprint", folder / "camera.json")):
        made = run("build-pairs", f"--{name}", place, *words, "--out", folder / f"by {name}")
        assert made.exit_code == 0, made.output
    stores = [min((folder / f"by {name}").glob("shard-*.h5")) for name in ("pool", "fingerprint")]
    plans = [json.loads(store.with_suffix(".json").read_text())["records"] for store in stores]
    assert len({pair["plan"]["steps"][0]["kernel_id"] for pair in plans[0]}) == kernels
    assert [pair["crc32"] for pair in plans[0]] == [pair["crc32"] for pair in plans[1]]


def test_build_pairs_draws_what_was_matched_and_replays_it(
    matched: tuple[Path, Path], hr: Path, tmp_path: Path
) -> None:
    pool, _ = matched
    words = ("build-pairs", "--pool", pool, "--hr", hr, "--scale", _SCALE, "--out")
    made = run(*words, tmp_path / "pairs", "--recipe", "matched")
    assert made.exit_code == 0 and "recipe matched:" in made.output, made.output
    assert "σ = 2 grey levels" in made.output
    seen = json.loads(run("inspect", tmp_path / "pairs", "--json").output)
    assert list(seen["kernels"]) == [*DegradationPool.open(pool).index(_SCALE).matched_ids]
    sidecar = min((tmp_path / "pairs").glob("shard-*.json"))
    key = json.loads(sidecar.read_text())["records"][0]["key"]
    assert run("replay", tmp_path / "pairs", key).exit_code == 0
    shown = run("recipe", "show", "matched", "--pool", pool, "--scale", _SCALE)
    assert 'kind = "blur", spread = false, kernels = "matched"' in shown.output
    (tmp_path / "mine.toml").write_text(shown.output)
    same = run(*words, tmp_path / "pairs", "--recipe", tmp_path / "mine.toml")
    assert (same.exit_code == 0 and "0 pairs in" in same.output) or "skipped" in same.output


def test_a_fingerprint_carries_the_match(
    matched: tuple[Path, Path], hr: Path, tmp_path: Path
) -> None:
    """Also where a match has only begun with the kernel."""
    shutil.copytree(matched[0], tmp_path / "matched")
    _same_pairs_of_a_fingerprint(tmp_path / "matched", hr, tmp_path, kernels=1)


def test_a_match_changes_nothing_of_other_recipes_and_the_next_one_takes_its_place(
    matched: tuple[Path, Path], photos: Path, hr: Path, tmp_path: Path
) -> None:
    pool = tmp_path / "pool"
    shutil.copytree(matched[0], pool)
    opened = DegradationPool.open(pool)
    fresh = DegradationPool.open(_begin(tmp_path / "fresh"))
    assert opened.digest(_SCALE, ()) == fresh.digest(_SCALE, ())
    words = ("match", photos, "--pool", pool, "--hr", hr, "--scale", _SCALE)
    before = (pool / _INDEX).read_bytes()
    assert run(*words).exit_code == 0
    assert (pool / _INDEX).read_bytes() == before, "the same inputs give the same match"
    assert run(*words, "--aim", "match").exit_code == 0
    (entry, *_) = DegradationPool.open(pool).matched_recipe(_SCALE).entries
    kinds = [entry.kind for entry in DegradationPool.open(pool).matched_recipe(_SCALE).entries]
    assert entry.kind == "blur" and not {"linear-light", "model-error"} & set(kinds)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("few photos", "5 photos: at least 10 are needed"),
        ("one HR photo", "1 HR photo: at least 10 are needed"),
        ("identical", "every photo of"),
        ("no kernel", "has no ×3 kernel to begin with: run"),
        ("soft HR", "Give sharper HR, or halve it: --clean-up 2"),
        ("too sharp", "Give a smaller --sharper, or sharper HR, or halve it: --clean-up 2"),
    ],
)
def test_match_refuses_with_the_reason_and_leaves_the_pool_as_it_was(
    given: str, said: str, photos: Path, hr: Path, tmp_path: Path
) -> None:
    pool = _begin(tmp_path / "pool")
    before = (pool / _INDEX).read_bytes()
    scale = 3 if given == "no kernel" else _SCALE
    if given == "few photos":
        photos = _copied(photos, tmp_path / "few", 5)
    elif given == "one HR photo":
        hr = hr / "0.png"
    elif given == "identical":
        hr = photos
    elif given == "soft HR":
        hr = _softened(hr, tmp_path / "soft")
    more = ("--sharper", 4) if given == "too sharp" else ()
    found = run("match", photos, "--pool", pool, "--hr", hr, "--scale", scale, *more)
    assert found.exit_code == 1 and said in found.output
    assert ("HR is softer than the photos" in found.output) == (given == "soft HR")
    assert (pool / _INDEX).read_bytes() == before


def test_match_says_why_photos_gave_no_kernel(hr: Path, tmp_path: Path) -> None:
    photos, pool = tmp_path / "small", tmp_path / "pool"
    for number in range(10):
        write_png(photos / f"{number}.png", round_to_u8(make_scene(f"small {number}", 48)))
    assert run("build-pool", photos, "--pool", pool, "--scale", _SCALE).exit_code == 3
    found = run("match", photos, "--pool", pool, "--hr", hr, "--scale", _SCALE)
    assert found.exit_code == 1, found.output
    for word in ("pixels are too few for a kernel; use photos", "(and 9 more for this reason)"):
        assert word in found.output
    assert "degrade build-pool" not in found.output, "which would refuse them again"


def _copied(folder: Path, to: Path, count: int) -> Path:
    to.mkdir()
    for number in range(count):
        shutil.copy(folder / f"{number}.png", to)
    return to


def _of_soft_colours(folder: Path, to: Path, sigma: float) -> Path:
    """Write photos whose Cb and Cr are blurred by a Gaussian, in LR pixels."""
    for path in sorted(folder.glob("*.png")):
        ycc = cv2.cvtColor(read_photo(path).as_u8(), cv2.COLOR_RGB2YCrCb)
        ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), sigma)
        write_png(to / path.name, cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB))
    return to


def _softened(folder: Path, to: Path) -> Path:
    wide = gaussian_kernel(49, 2, (5.0, 5.0))
    for number in range(_COUNT):
        levels = read_photo(folder / f"{number}.png").as_u8().astype(np.float32)
        large = np.repeat(np.repeat(levels, 2, axis=0), 2, axis=1)
        write_png(to / f"{number}.png", round_to_u8(np.clip(downsample(large, wide), 0, 255)))
    return to


def test_the_recipe_of_a_pool_is_asked_for_by_name(photos: Path, hr: Path, tmp_path: Path) -> None:
    pool = _begin(tmp_path / "pool")
    found = run("build-pairs", "--pool", pool, "--hr", hr, "--recipe", "matched")
    assert found.exit_code == 1 and "has no recipe 'matched' of ×4: run" in found.output
    found = run("recipe", "show", "matched")
    assert found.exit_code == 1 and "give --pool" in found.output
