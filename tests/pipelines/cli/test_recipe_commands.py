"""``degrade recipe show``: what is printed can be fed back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.degradation import RECIPES
from degrade.degradation.recipe_files import recipe_from_toml
from degrade.images.image_io import quantise, write_png
from degrade.pairs import open_pairs
from pipelines.cli import main
from tests.making import fill_pool, make_scene


def degrade(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_show_prints_words_and_toml_that_is_taken_back(name: str, tmp_path: Path) -> None:
    shown = degrade("recipe", "show", name)
    assert shown.exit_code == 0 and shown.output.startswith(f"# recipe {name}, ")
    assert recipe_from_toml(shown.output) == RECIPES[name]
    (tmp_path / "copy.toml").write_text(shown.output)
    assert degrade("recipe", "show", tmp_path / "copy.toml").output == shown.output


def test_recipe_show_says_what_a_pool_has_and_lacks(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2, kernels=3, patches=4).path
    (tmp_path / "r.toml").write_text(
        '[[steps]]\nkind = "blur"\n[[steps]]\nkind = "residual"\n[[steps]]\nkind = "jpeg"\n'
    )
    shown = degrade("recipe", "show", tmp_path / "r.toml", "--pool", pool, "--scale", "2")
    assert shown.exit_code == 0, shown.output
    assert f"# {pool} has 3 kernels ×2, 4 noise patches of " in shown.output
    assert "# it cannot give jpeg: no photo of the pool is a JPEG file" in shown.output
    other = degrade("recipe", "show", "measured", "--pool", pool)
    assert "has 0 kernels ×4" in other.output and "cannot give blur" in other.output
    assert "the spectral estimator" not in shown.output
    assert "the spectral estimator found" not in other.output  # of no kernel
    assert degrade("recipe", "show", "measured", "--pool", tmp_path / "no").exit_code == 1
    (tmp_path / "r.toml").write_text(
        '[[steps]]\nkind = "blur"\nkernels = "camera"\n[[steps]]\nkind = "noise-model"\n'
    )
    shown = degrade("recipe", "show", tmp_path / "r.toml", "--pool", pool, "--scale", "2")
    assert "degrade estimate-kernels --camera NAME for" in shown.output, shown.output
    assert "degrade build-pool measures it" in shown.output and "`" not in shown.output


def test_linear_light_may_be_left_out_and_keeps_the_mean_of_lr(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2).path
    write_png(tmp_path / "hr" / "a.png", quantise(make_scene("a", 64, 64)))
    build = ("build-pairs", "--pool", pool, "--hr", tmp_path / "hr", "--scale", "2", "--noise")
    found = {}
    for name, words in (("plain", ("--linear-light", "none")), ("light", ())):
        made = degrade(*build, "none", *words, "--hr-size", "16", "--out", tmp_path / name)
        assert made.exit_code == 0, made.output
        assert ("always linear-light: " in made.output) == (name == "light")
        with open_pairs(tmp_path / name) as reader:
            pairs = [reader.read(number) for number in range(len(reader))]
            found[name] = {pair[1].tobytes(): pair[0].astype(int) for pair in pairs}
    differences = np.array([lr - found["plain"][hr] for hr, lr in found["light"].items()])
    assert differences.min() < 0 < differences.max()
    assert abs(differences.mean()) < 0.05


def test_linear_light_is_added_to_recipes_that_have_none(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2).path
    write_png(tmp_path / "hr" / "a.png", quantise(make_scene("a", 64, 64)))
    (tmp_path / "mine.toml").write_text('[[steps]]\nkind = "blur"\n')
    build = ("build-pairs", "--pool", pool, "--hr", tmp_path / "hr", "--scale", "2", "--recipe")
    for choice in ("auto", "always"):
        words = ("--linear-light", choice, "--out", tmp_path / choice, "--hr-size", "16")
        made = degrade(*build, tmp_path / "mine.toml", *words)
        assert made.exit_code == 0, made.output
        assert ("always linear-light: " in made.output) == (choice == "always")


def test_recipe_of_a_file_makes_pairs_and_a_fault_in_it_is_named(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2).path
    write_png(tmp_path / "hr" / "a.png", quantise(make_scene("a", 64, 64)))
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[[steps]]\nkind = "blur"\n[[steps]]\nkind = "residual"\nprobability = 0.5\n')
    build = ("build-pairs", "--pool", pool, "--hr", tmp_path / "hr", "--scale", "2", "--recipe")
    made = degrade(*build, recipe, "--hr-size", "16", "--out", tmp_path / "pairs")
    assert made.exit_code == 0, made.output
    assert "recipe mine:" in made.output and "50 % residual: noise of a photo" in made.output
    sidecar = json.loads((tmp_path / "pairs" / "shard-00000.json").read_bytes())
    counts = [len(record["plan"]["steps"]) for record in sidecar["records"]]
    assert set(counts) == {1, 2} and len(counts) == 16
    assert "50 % residual" in degrade("inspect", tmp_path / "pairs").output
    again = degrade(*build, "measured", "--hr-size", "16", "--out", tmp_path / "pairs")
    assert again.exit_code == 1
    assert "--recipe: 50 % residual: " in again.output and "-> always linear-light" in again.output
    recipe.write_text('[[steps]]\nkind = "blur"\nradius = 3\n')
    wrong = degrade(*build, recipe, "--out", tmp_path / "other")
    assert wrong.exit_code == 1 and not (tmp_path / "other").exists()
    assert f"{recipe}: step 1 (blur): there is no key 'radius'" in wrong.output


@pytest.mark.parametrize("option", [("--jpeg", "none"), ("--noise", "none"), ("--noise", "defer")])
def test_options_change_the_recipe(tmp_path: Path, option: tuple[str, str]) -> None:
    pool = fill_pool(tmp_path / "pool", scale=2).path
    write_png(tmp_path / "hr" / "a.png", quantise(make_scene("a", 32, 32)))
    (tmp_path / "r.toml").write_text(
        '[[steps]]\nkind = "blur"\n[[steps]]\nkind = "residual"\n[[steps]]\nkind = "rounding"\n'
        '[[steps]]\nkind = "jpeg"\nprobability = 0.0\n'
    )
    made = degrade(
        *("build-pairs", "--pool", pool, "--hr", tmp_path / "hr", "--scale", 2, "--hr-size", 32),
        *("--recipe", tmp_path / "r.toml", "--out", tmp_path / "pairs", *option),
    )
    assert made.exit_code == 0, made.output
    sidecar = json.loads((tmp_path / "pairs" / "shard-00000.json").read_bytes())
    kinds = [step["kind"] for step in sidecar["records"][0]["plan"]["steps"]]
    wanted = {
        ("--jpeg", "none"): ["blur", "residual", "rounding"],
        ("--noise", "none"): ["blur", "rounding"],
        ("--noise", "defer"): ["blur"],
    }
    assert kinds == wanted[option]
    assert ("left to training" in made.output) == (option == ("--noise", "defer"))
