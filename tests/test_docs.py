"""The pages say what is there: rooms, paths, links, versions, and the README's example."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import degrade
from degrade.field_names import KNOWN_SETS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PLACES = "degrade|kernelgan|spectral_training|esrgan|pipelines|tests|benchmarks|docs|data_manifests"


def _rooms() -> set[str]:
    """Return the folders of modules inside the packages, but for rooms inside rooms."""
    packages = ("degrade", "kernelgan", "spectral_training", "esrgan", "report", "pipelines")
    return {
        f"{package}/{init.parent.name}"
        for package in packages
        for init in (ROOT / package).glob("*/__init__.py")
    }


def test_architecture_lists_the_rooms_that_there_are() -> None:
    page = (DOCS / "architecture.md").read_text()
    assert set(re.findall(r"^\| `(\w+/\w+)` \|", page, re.MULTILINE)) == _rooms()


def test_architecture_draws_the_rooms_that_there_are() -> None:
    picture = (DOCS / "images" / "architecture.svg").read_text()
    drawn = {name.replace(".", "/") for name in re.findall(r'<g id="(\w+\.\w+)">', picture)}
    assert {name for name in drawn if "/loose" not in name} == _rooms(), (
        "python docs/draw_architecture.py"
    )


def test_decisions_lists_every_record() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == sorted(
        path.name for path in (DOCS / "decisions").glob("0*.md")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_link_to_what_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    there = [link for link in links if "://" not in link]
    assert [link for link in there if not (page.parent / link).exists()] == []


def _anchors(page: Path) -> set[str]:
    """Return what headings are called in links: small letters and hyphens, no other signs."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", word).replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_link_to_headings_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text())
    here = [(page.parent / path if path else page, name) for path, name in links if ":" not in path]
    assert [name for path, name in here if name not in _anchors(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_paths_that_are_there(page: Path) -> None:
    named = re.findall(rf"`((?:{PLACES})/[\w./-]*)`", page.read_text())
    real = [path for path in named if "NAME" not in path]
    assert [path for path in real if not (ROOT / path).exists()] == []


def test_changelog_begins_with_this_version() -> None:
    parts = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert parts[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(degrade.__version__)} – \d{{4}}-\d\d-\d\d", parts[1])


def test_readme_imports_what_is_there() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    imports = [node for node in ast.parse(example).body if isinstance(node, ast.ImportFrom)]
    assert len(imports) >= 5
    for node in imports:
        module = import_module(str(node.module))
        assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_readme_names_every_command() -> None:
    from pipelines.cli import main

    readme = (ROOT / "README.md").read_text()
    commands = main.list_commands(None)
    assert [
        name for name in commands if f"`degrade {name}" not in readme and f"`{name}`" not in readme
    ] == []


def test_names_lists_the_sets_that_are_known() -> None:
    page = (DOCS / "names.md").read_text()
    rows = [
        f"| {known.name} | `{known.hr}` | `{known.lr}` | "
        f"{f'×{known.scale}' if known.scale else ''} | {known.note} |"
        for known in KNOWN_SETS
    ]
    assert re.findall(r"^\| (?!set ).*$", page, re.MULTILINE) == rows


def test_docstrings_say_more_than_where_to_look() -> None:
    packages = ("degrade", "kernelgan", "spectral_training", "esrgan", "report", "pipelines")
    modules = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    pointers = [path.name for path in modules if re.search(r'"""See :', path.read_text())]
    assert pointers == []
