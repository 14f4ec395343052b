from __future__ import annotations

from collections.abc import Iterator

import pytest

from degrade.places import remote as remote_place
from tests.object_stores import S3Server, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try twice at most, without a pause: the store will not come back in a test."""
    monkeypatch.setattr(remote_place, "_TRIES", 2)
    monkeypatch.setattr(remote_place, "_FIRST_PAUSE_S", 0.0)
