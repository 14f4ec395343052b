"""Pairs of a pool of several cameras: blur and noise are of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from degrade.degradation import DegradationPlan, Entry, Recipe
from degrade.degradation.index import CAMERA_KERNEL
from degrade.degradation.recipes import MEASURED, of_photos
from degrade.degradation.steps import Blur, BlurSettings, Residual, ResidualSettings
from degrade.images.decoded_photos import DecodedPhotos, store_photo
from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from esrgan.data import PairDataset, PhotoDataset
from pipelines import BuildPairsConfig, build_pairs
from pipelines.pairs.checks import ReplayConfig, replay_pair
from pipelines.pairs.show_recipe import show_recipe
from tests.making import make_scene
from tests.pipelines.pairs.camera_pools import CAMERAS, fill


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cameras")
    (folder / "hr").mkdir()
    for name in ("a", "b", "c"):
        write_png(folder / "hr" / f"{name}.png", quantise(make_scene(name, 256, 256)))
    fill(folder / "pool", list(CAMERAS))
    fill(folder / "turned", list(CAMERAS)[::-1])
    return folder


def config_of(folder: Path, name: str, **changes: Any) -> BuildPairsConfig:
    config = BuildPairsConfig(
        pool=folder / "pool", hr=(folder / "hr",), out=folder / name, scale=2, hr_size=64
    )
    return replace(config, **changes)


def plans_in(out: Path) -> list[DegradationPlan]:
    with open_pairs(out) as reader:
        return [record.plan for record in reader.records if record.plan is not None]


def names_of(plan: DegradationPlan, pool: DegradationPool) -> tuple[str, str]:
    """Return which photos the kernel and the noise of a plan are of."""
    photos = {record.id: record.provenance.source_name for record in (*pool.kernels, *pool.noise)}
    (noise,) = (step for step in plan.steps if isinstance(step, Residual))
    return photos[str(plan.kernel_id)], photos[noise.noise_id]


def is_of_one_camera(kernel: str, noise: str) -> bool:
    """Tell whether the noise is what the recipe says for the kernel."""
    camera = kernel[:-1]
    wanted = {
        "phone": ("phone",),  # five photos at one setting
        "fast": ("phone", "fast"),  # too few at that setting: all of the camera
        "scanner": ("scanner",),
        "edited": ("phone", "fast", "scanner"),  # none of it has noise: all of the pool
    }
    return noise[:-1] in wanted[camera]


def test_pairs_have_blur_and_noise_of_one_camera(made: Path) -> None:
    report = build_pairs(config_of(made, "pairs"))
    pool = DegradationPool.open(made / "pool")
    drawn = [names_of(plan, pool) for plan in plans_in(made / "pairs")]
    assert all(is_of_one_camera(*names) for names in drawn) and len(drawn) == 48
    assert {kernel[:-1] for kernel, _ in drawn} == {"phone", "fast", "scanner", "edited"}
    (words,) = (fact.words for fact in report.facts if fact.kind == "by_camera")
    assert words == (
        "residual, of 10 kernels of 3 cameras: 5 from photos at their ISO setting, 4 from all "
        "photos of their camera, 1 from all of the pool (none is of their camera: photos that name "
        "no camera)"
    )
    assert f"# {words}\n" in show_recipe(MEASURED, made / "pool", 2)
    key = plans_in(made / "pairs")[5].key
    assert replay_pair(ReplayConfig(pairs=made / "pairs", key=key)).identical


def test_order_of_a_pool_does_not_matter(made: Path) -> None:
    found = []
    for name in ("pool", "turned"):
        build_pairs(config_of(made, f"of-{name}", pool=made / name))
        found.append([plan.to_json() for plan in plans_in(made / f"of-{name}")])
    assert found[0] == found[1]


def test_noise_of_all_of_the_pool_is_a_setting(made: Path) -> None:
    report = build_pairs(config_of(made, "mixed", recipe=of_photos(MEASURED, "pool")))
    pool = DegradationPool.open(made / "pool")
    drawn = [names_of(plan, pool) for plan in plans_in(made / "mixed")]
    assert not all(is_of_one_camera(*names) for names in drawn)
    assert not [fact for fact in report.facts if fact.kind == "by_camera"]


def test_noise_that_is_left_to_training_is_of_the_camera_of_the_stored_blur(made: Path) -> None:
    build_pairs(config_of(made, "deferred", noise="defer"))
    dataset = PairDataset(made / "deferred", hr_patch=32, seed=0)
    pool = DegradationPool.open(made / "pool")
    keys = [(epoch, index) for epoch in range(3) for index in range(len(dataset))]
    assert all(is_of_one_camera(*names_of(dataset.read_plan(key), pool)) for key in keys)


def test_noise_that_is_left_to_training_knows_kernels_that_were_moved(made: Path) -> None:
    path = made / "moved"
    pool = fill(path, list(CAMERAS))
    for photo in pool.photos:
        moved = gaussian_kernel(13, 2, (1.1 + list(CAMERAS).index(photo.name) / 20, 0.9))
        (own,) = pool.measured("kernel", {})[photo.sha256].objects or ()
        found = (FoundObject(moved, "spectral", {}),)
        values = {"own": own, "camera": photo.name[:-1]}
        settings = {"towards": "camera"}
        finding = Findings(kind=CAMERA_KERNEL, settings=settings, values=values, objects=found)
        pool.add_findings(photo, [finding])
    blur, noise = BlurSettings(kernels="camera"), ResidualSettings(of="camera")
    recipe = Recipe("moved", (Entry(Blur.kind, blur), Entry(Residual.kind, noise)))
    build_pairs(config_of(made, "moved-pairs", pool=path, recipe=recipe, noise="defer"))
    dataset = PairDataset(made / "moved-pairs", hr_patch=32, seed=0)
    index = pool.index(2)
    photos = {record.id: record.provenance.source_name for record in pool.noise}
    names = pool.photo_names
    for key in [(epoch, row) for epoch in range(3) for row in range(len(dataset))]:
        plan = dataset.read_plan(key)
        assert plan.kernel_id not in index.kernel_ids
        kernel = names[index.kernel_sources[str(plan.kernel_id)]]
        (step,) = (step for step in plan.steps if isinstance(step, Residual))
        assert is_of_one_camera(kernel, photos[step.noise_id])


def test_photos_that_are_degraded_on_the_fly_have_blur_and_noise_of_one_camera(
    made: Path, tmp_path: Path
) -> None:
    store = DecodedPhotos(tmp_path)
    facts = {"path": "/a", "name": "a", "sha256": "a" * 64, "bytes": 1, "modified": 1}
    photo = store_photo(store.folder, quantise(make_scene("a", 200, 200)), facts, ())
    pool = DegradationPool.open(made / "pool")
    drawn = config_of(made, "unused").degradation
    dataset = PhotoDataset(store, [photo], pool, drawn, hr_patch=32, seed=0)
    plans = [dataset.read_plan((epoch, 0)) for epoch in range(150)]
    assert all(is_of_one_camera(*names_of(plan, pool)) for plan in plans)
    planned = dataset.read_planned([(0, 0), (1, 0)])
    assert planned is not None  # batches have the plans of samples
