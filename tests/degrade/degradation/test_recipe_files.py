from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from degrade.degradation import MEASURED, RECIPES
from degrade.degradation.recipe_files import find_recipe, recipe_from_toml, recipe_to_toml
from degrade.errors import InputError, InvalidValueError


def test_find_recipe_knows_names_and_files(tmp_path: Path) -> None:
    for name, recipe in RECIPES.items():
        assert find_recipe(name) is recipe
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + recipe_to_toml(MEASURED).replace("\n", "\r\n").encode())
    assert find_recipe(str(path)) == MEASURED


def test_recipe_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "phone.toml"
    path.write_text('steps = [{kind = "blur"}]')
    assert find_recipe(str(path)).name == "phone"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = [", "no TOML"),
        ("steps = 3", "steps must be"),
        ('[[steps]]\nkind = "blur"\nradius = 2\n', "step 1 (blur): there is no key 'radius'"),
        ("a = " + "[" * 5000, "no TOML"),
        (f"steps = {'1' * 5000}", "no TOML"),
        ('[[steps]]\nkind = "blur"\nprobability = 2026-01-01\n', "probability must be"),
    ],
    ids=["open", "number", "unknown", "deep", "huge", "date"],
)
def test_find_recipe_names_file_fault_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        find_recipe(str(path))
    message = str(caught.value)
    assert str(path) in message and said in message and "recipe show measured" in message
    assert "\n" not in message and len(message) < 600


def test_recipe_to_toml_shows_every_letter() -> None:
    hidden = replace(MEASURED, name="turned \u202e round\u200b")
    text = recipe_to_toml(hidden)
    assert text.replace("\n", "").isprintable() and recipe_from_toml(text) == hidden


def test_find_recipe_names_what_there_is() -> None:
    with pytest.raises(InputError, match="no recipe, and no file; recipes are measured"):
        find_recipe("mesured")


def test_recipe_from_toml_refuses_text_that_is_none() -> None:
    with pytest.raises(InvalidValueError, match="no TOML"):
        recipe_from_toml("\0")
