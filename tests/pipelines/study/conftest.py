"""Studies that are there, and one that is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.study.raters import Client, Served, serve, write_results


def make(root: Path, kind: str, **settings: object) -> Path:
    """Make a study of the results in a folder, and return its folder."""
    from pipelines.study.make import MakeStudyConfig, make_study

    config = MakeStudyConfig(
        study=root / kind,
        kind=kind,  # type: ignore[arg-type]
        results=(("soft", root / "soft"), ("noisy", root / "noisy")),
        **settings,  # type: ignore[arg-type]
    )
    make_study(config)
    return config.study


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    root = write_results(tmp_path)
    return make(root, "pairs", reference=root / "HR", lr=root / "LR")


@pytest.fixture
def mos(tmp_path: Path) -> Path:
    root = write_results(tmp_path)
    return make(root, "mos", reference=root / "HR")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = write_results(tmp_path_factory.mktemp("served"))
    with serve(make(root, "mos", reference=root / "HR")) as server:
        yield server


@pytest.fixture
def client(served: Served) -> Client:
    return Client(served.port)
