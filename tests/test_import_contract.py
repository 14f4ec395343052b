"""Each rule of the import contract is broken once, in a copy of the code, and is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: list[dict[str, Any]] = LINTER["contracts"]
NEW = "planted_by_a_test"
LINT = (
    "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache', '--no-logo'])"
)


def _floors(contract: dict[str, Any]) -> Iterator[list[list[str]]]:
    """Give the floors of each house that a contract is about, from the roof down."""
    for container in contract.get("containers", [""]):
        yield [
            [f"{container}.{name}".lstrip(".") for name in re.split(r" *[|:] *", floor)]
            for floor in contract["layers"]
        ]


def _forbidden_imports() -> Iterator[tuple[str, str]]:
    """Give (importer, imported) for each rule: upwards, sideways, and what is not to be loaded."""
    for contract in CONTRACTS:
        if contract["type"] == "forbidden":
            for source in contract["source_modules"]:
                yield from ((source, name) for name in contract["forbidden_modules"])
            continue
        for floors in _floors(contract):
            for above, below in pairwise(floors):
                yield from ((name, above[0]) for name in below)
            for names, floor in zip(floors, contract["layers"], strict=True):
                if "|" in floor:
                    yield from pairwise(names)
                    yield names[-1], names[0]


def _containers() -> set[str]:
    """Return the packages and rooms in which every module must have a floor."""
    return {
        container
        for contract in CONTRACTS
        if contract.get("exhaustive")
        for container in contract["containers"]
    }


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Break every rule at once in a copy, and return what the linter says."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in LINTER["root_packages"]:
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors", "*.jsonl")
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    clean = _lint(copy)
    assert clean.returncode == 0, clean.stdout
    for importer, imported in _forbidden_imports():
        place = copy.joinpath(*importer.split("."))
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        with file.open("a") as code:
            code.write(f"\nimport {imported}\n")
    for container in _containers():
        copy.joinpath(*container.split("."), f"{NEW}.py").touch()
    broken = _lint(copy)
    assert broken.returncode == 1
    return broken.stdout


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT]
    wide = {**os.environ, "COLUMNS": "1000"}
    return subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True)


@pytest.mark.parametrize("contract", [contract["name"] for contract in CONTRACTS])
def test_every_contract_can_be_broken(refusals: str, contract: str) -> None:
    assert f"{contract} BROKEN" in " ".join(refusals.split())


def test_every_forbidden_import_is_refused(refusals: str) -> None:
    plants = set(_forbidden_imports())
    refused = set(re.findall(r"^(\S+) is not allowed to import (\S+):$", refusals, re.MULTILINE))
    assert len(plants) > 50
    assert plants - refused == set()


def test_every_new_module_needs_a_floor(refusals: str) -> None:
    assert {name for name in _containers() if f"{name}.{NEW}" not in refusals} == set()


def test_every_room_has_floors() -> None:
    rooms = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for package in LINTER["root_packages"]
        for init in (ROOT / package).rglob("__init__.py")
        if len([*init.parent.glob("*.py"), *init.parent.glob("*/__init__.py")]) > 2
    }
    assert rooms - _containers() == set()
