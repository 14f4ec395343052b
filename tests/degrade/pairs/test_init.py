"""What ``degrade.pairs`` and ``degrade.exchange`` offer."""

from __future__ import annotations

from types import ModuleType

import pytest

import degrade.exchange
import degrade.pairs


@pytest.mark.parametrize("package", [degrade.pairs, degrade.exchange])
def test_packages_offer_what_they_list(package: ModuleType) -> None:
    found = {name: getattr(package, name) for name in package.__all__}
    assert not [name for name, value in found.items() if isinstance(value, ModuleType)]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing
