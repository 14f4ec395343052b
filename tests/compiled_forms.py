"""Tests once for each compiled form that this processor can run, and without compiled code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from degrade.compiled.loading import FORMS, SWITCH, compiled_form, compiled_forms


@contextmanager
def taking(form: str) -> Iterator[None]:
    """Use a compiled form; skips the test where it is not to be had."""
    with pytest.MonkeyPatch.context() as patch:
        if compiled_form() is None:
            pytest.skip("the compiled code was not built here, or is switched off")
        if form not in compiled_forms():
            pytest.skip(f"the form {form} was not built, or this processor cannot run it")
        patch.setenv(SWITCH, form)
        compiled_form.cache_clear()
        try:
            yield
        finally:
            patch.undo()
            compiled_form.cache_clear()


def all_forms(module: ModuleType) -> Callable[..., Iterator[None]]:
    """Return a fixture that runs a file's tests with each compiled form, and without any.

    Parameters
    ----------
    module : module
        The one that asks ``is_compiled``.
    """

    @pytest.fixture(autouse=True, scope="module", params=[*FORMS, "without a compiler"])
    def form(request: pytest.FixtureRequest) -> Iterator[None]:
        if request.param in FORMS:
            with taking(request.param):
                yield
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "is_compiled", lambda: False)
                yield

    return form
