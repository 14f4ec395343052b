from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from degrade.compiled import is_compiled


def both_forms(module: ModuleType) -> Callable[..., Iterator[None]]:
    """Return a fixture that runs a file's tests with compiled code and without it.

    Parameters
    ----------
    module : module
        The one that asks ``is_compiled``.
    """

    @pytest.fixture(autouse=True, scope="module", params=["compiled", "without a compiler"])
    def form(request: pytest.FixtureRequest) -> Iterator[None]:
        if request.param == "compiled":
            if not is_compiled():
                pytest.skip("the compiled code was not built here, or is switched off")
            yield
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "is_compiled", lambda: False)
                yield

    return form
