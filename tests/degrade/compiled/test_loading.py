from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from degrade.compiled import loading
from degrade.compiled.loading import FORMS, SWITCH, compiled_code, compiled_form, compiled_forms
from degrade.errors import InvalidValueError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def _anew() -> Iterator[None]:
    """Let the code be looked for again, and after the test once more."""
    for clear in (compiled_form.cache_clear, compiled_forms.cache_clear):
        clear()
    yield
    for clear in (compiled_form.cache_clear, compiled_forms.cache_clear):
        clear()


@pytest.mark.parametrize("switch", ["0", "1", *FORMS])
def test_compiled_form_heeds_its_switch(switch: str) -> None:
    code = "from degrade.compiled.loading import compiled_form; print(compiled_form())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {SWITCH: switch},
        capture_output=True,
        text=True,
        check=True,
    )
    known = list(compiled_forms())
    allowed = known if switch == "1" else FORMS[: FORMS.index(switch) + 1] if switch != "0" else []
    wanted = [form for form in known if form in allowed]
    assert told.stdout.strip() == (wanted[-1] if wanted else "None")


def test_each_test_here_runs_the_form_that_it_names(form: str) -> None:
    assert compiled_form() == form
    assert compiled_code() is compiled_forms()[form]


@pytest.mark.usefixtures("_anew")
def test_code_of_another_version_counts_as_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_INTERFACE", loading._INTERFACE + 1)
    assert compiled_code() is None


@pytest.mark.usefixtures("_anew")
def test_a_form_that_was_not_built_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    load = loading._load
    monkeypatch.setattr(loading, "_load", lambda form: load(form) if form == "plain" else None)
    assert compiled_form() == "plain"


def test_forms_are_compiled_for_what_they_are_named() -> None:
    """Else a form may have been linked from another one's objects."""
    built_for = {form: code.degrade_built_for() for form, code in compiled_forms().items()}
    assert built_for == {form: FORMS.index(form) for form in built_for}


def test_no_form_is_missing_that_could_be_built() -> None:
    """Where one does not compile, installing goes on, and tests of it are skipped."""
    best = compiled_forms()["plain"].degrade_best_form()
    makeable = runpy.run_path(str(ROOT / ".ci" / "try_wheel.py"))["makeable_forms"]()
    missing = [name for name in FORMS[: best + 1] if name not in compiled_forms()]
    assert not makeable.intersection(missing), f"{missing} not built; see the compiler's errors"


@pytest.mark.usefixtures("_anew")
@pytest.mark.parametrize("word", ["off", "AVX2", "plain\n"])
def test_an_unknown_word_in_the_switch_is_refused(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, word)
    with pytest.raises(InvalidValueError, match="DEGRADE_COMPILED must be one of 0, plain") as told:
        compiled_form()
    assert repr(word.strip())[1:-1] in str(told.value) and "\n" not in str(told.value)
