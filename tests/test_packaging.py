"""What setup.cfg declares is what the packages import; `make test-wheel` tries the wheel itself."""

from __future__ import annotations

import ast
import configparser
import runpy
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from setuptools import Distribution, Extension

ROOT = Path(__file__).parent.parent
PACKAGES = ("degrade", "kernelgan", "spectral_training", "esrgan", "report", "pipelines")
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


NEVER_DECLARED = {"pyiqa"}
"""What a user may have installed besides: its licence is none that we can ask anybody to accept."""


def _declared(lines: str) -> set[str]:
    """Return the names in a list of requirements, without versions."""
    names = set()
    for line in lines.splitlines():
        name = line.split("#")[0].split(">")[0].split("[")[0].strip()
        if name and not name.startswith("%"):
            names.add(name.lower().replace("_", "-"))
    return names


REQUIRED = _declared(SETUP["options"]["install_requires"])
EXTRAS = {
    name: _declared(lines)
    for name, lines in SETUP["options.extras_require"].items()
    if name not in SETUP.defaults()
}


def _imports(tree: ast.AST, eager: bool = True) -> Iterator[tuple[str, bool]]:
    """Give each imported top-level name, and whether it is imported with the module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0], eager
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value).split(".")[0], False
            continue
        later = isinstance(node, ast.FunctionDef | ast.Lambda | ast.Try) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        yield from _imports(node, eager and not later)


def _imported() -> set[tuple[str, bool]]:
    """Return the distributions that the packages import, and whether with a module."""
    owners = metadata.packages_distributions()
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name, eager in _imports(ast.parse(path.read_bytes())):
                if name not in {*sys.stdlib_module_names, *PACKAGES, *NEVER_DECLARED}:
                    found |= {(owner.lower().replace("_", "-"), eager) for owner in owners[name]}
    return found


def test_install_requires_is_what_modules_import() -> None:
    imported = _imported()
    assert {name for name, eager in imported if eager} <= REQUIRED
    assert REQUIRED - {name for name, _ in imported} == set(), "nothing that nobody imports"


def test_extras_hold_what_functions_import() -> None:
    offered = set().union(*(names for extra, names in EXTRAS.items() if extra != "dev"))
    lazy = {name for name, _ in _imported()}
    assert lazy - REQUIRED - offered == set()


@pytest.mark.parametrize("extra", ["required", *EXTRAS])
def test_constraints_pin_what_is_declared(extra: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    assert (REQUIRED if extra == "required" else EXTRAS[extra]) <= pinned


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


_MODULE = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_one", 0, -1};
PyMODINIT_FUNC PyInit__one(void) { return PyModule_Create(&module); }
"""


@pytest.mark.parametrize("mode", ["inplace", "editable_mode"])
def test_a_form_that_no_longer_compiles_is_not_left_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Each form may be absent, so an old one would be loaded and nothing would tell of it."""
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "forms" / "one.c"
    source.parent.mkdir()
    (source.parent / "__init__.py").touch()

    def build(code: str) -> list[Path]:
        source.write_text(code)
        extension = Extension("forms._one", ["forms/one.c"], optional=True)
        made = Distribution({"packages": ["forms"], "ext_modules": [extension]})
        command = runpy.run_path(str(ROOT / "setup.py"))["BuildForms"](made)
        command.force = True
        setattr(command, mode, True)  # as `build_ext --inplace` and as `pip install -e` set it
        command.ensure_finalized()
        command.run()
        return sorted(tmp_path.rglob("_one*.so"))

    built = build(_MODULE)
    if not built:
        pytest.skip("no compiler")
    assert len(built) == 2  # where it is built, and where it is imported from
    assert build("#error") == []
