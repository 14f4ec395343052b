"""Try what would be released: the sdist, the wheel made from it, and its `degrade demo`.

``python .ci/try_wheel.py dist/`` makes an empty environment in a temporary folder, puts the wheel
into it and links what the wheel itself declares, with what that needs in turn, from the environment
that runs this script. Nothing else is there: a dependency that is missing in setup.cfg, or a module
that is missing in the wheel, ends it with an error. Linking takes no time and no space; installing
PyTorch once more would take both.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from degrade.compiled.loading import FORMS

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("degrade", "kernelgan", "spectral_training", "esrgan", "report", "pipelines")
BESIDE = (".ci", "benchmarks", "data_manifests", "docs", "tests")
COMPILED = {f"degrade/compiled/_{form}.abi3.so" for form in FORMS}
SOURCES = (".c", ".h")
LOOSE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "setup.py",
)

IMPORT_ALL = """
import importlib, pkgutil, sys
count = 0
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    count += 1
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
            count += 1
print(f"{count} modules imported")
"""


def main() -> None:
    """Check the sdist and the wheel in a folder, then use the wheel alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dist", type=Path, help="a folder with one sdist and one wheel")
    dist = parser.parse_args().dist.resolve()
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    check_sdist(sdist)
    check_wheel(wheel)
    with tempfile.TemporaryDirectory(prefix="degrade_wheel_") as folder:
        use_wheel(wheel, Path(folder))


def check_sdist(sdist: Path) -> None:
    """Refuse an sdist that lacks a file of the checkout."""
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {*LOOSE, "setup.cfg", "pyproject.toml", *files_of(*PACKAGES, *BESIDE)}
    refuse_missing(sdist, wanted - held)


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel that lacks a file of a package, or that holds anything else.

    Of what is compiled, it holds the result in place of the sources: each form that the compiler
    here can make. One that did not compile would be missed by nobody, as it is slower, not wrong.
    """
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {name for name in files_of(*PACKAGES) if not name.endswith(SOURCES)}
    makeable = {f"degrade/compiled/_{form}.abi3.so" for form in makeable_forms()}
    if missing := makeable - held:
        sys.exit(
            f"{wheel.name}: made without {sorted(missing)}, though the compiler knows the flags; "
            "see its errors: `python setup.py build_ext --force`"
        )
    if COMPILED - makeable - held:
        left_out = sorted(COMPILED - makeable - held)
        print(f"{wheel.name}: made without {left_out}, which no compiler here makes")  # noqa: T201
    held -= COMPILED
    refuse_missing(wheel, wanted - held)
    if held - wanted:
        sys.exit(f"{wheel.name}: holds {sorted(held - wanted)}, which is in no package")


def makeable_forms() -> set[str]:
    """Return the forms of the compiled code whose flags the compiler knows; none without one."""
    flags_of = runpy.run_path(str(CHECKOUT / "setup.py"))["FORMS"]
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    include = f"-I{sysconfig.get_path('include')}"

    def knows(flags: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "empty.c")
            source.write_text("#include <Python.h>\n")  # without its headers nothing can be built
            command = [*compiler, *flags, include, "-c", str(source), "-o", f"{folder}/empty.o"]
            try:
                return subprocess.run(command, capture_output=True).returncode == 0
            except OSError:
                return False

    return {form for form, flags in flags_of.items() if knows(flags)}


def files_of(*folders: str) -> Iterator[str]:
    """Give the files in folders of the checkout, without what is made there."""
    for folder in folders:
        for path in (CHECKOUT / folder).rglob("*"):
            name = path.relative_to(CHECKOUT).as_posix()
            # Of any version: git ignores them, so an older one may lie there, too.
            is_compiled = name.startswith("degrade/compiled/") and path.suffix == ".so"
            if path.is_file() and "__pycache__" not in path.parts and not is_compiled:
                yield name


def refuse_missing(archive: Path, missing: set[str]) -> None:
    """End with an error when files are missing in an archive."""
    if missing:
        sys.exit(f"{archive.name}: {sorted(missing)} missing; see MANIFEST.in and setup.cfg")


def use_wheel(wheel: Path, folder: Path) -> None:
    """Install the wheel into an empty environment and do with it what a user does first."""
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    venv.create(environment, symlinks=True)
    (site,) = environment.glob("lib/python*/site-packages")
    link_dependencies(wheel, "demo", site)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python)]
    run([*pip, "install", "--no-deps", "--no-index", str(wheel)], elsewhere)
    run([*pip, "check"], elsewhere)
    run([str(environment / "bin" / "degrade"), "--help"], elsewhere, quiet=True)
    run([str(python), "-c", IMPORT_ALL, *PACKAGES], elsewhere)
    run([str(environment / "bin" / "degrade"), "demo", "--out", "demo"], elsewhere)


def link_dependencies(wheel: Path, extra: str, site: Path) -> None:
    """Link all that a wheel with an extra needs, and nothing else, into a site-packages folder."""
    (declared,) = metadata.distributions(name="degrade", path=[str(wheel)])
    linked: set[str] = set()
    waiting = [needed.name for needed in requirements(declared, {extra})]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in linked:
            continue
        linked.add(name)
        distribution = metadata.distribution(name)
        waiting += [needed.name for needed in requirements(distribution, set())]
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    print(f"{len(linked)} dependencies linked")  # noqa: T201


def requirements(distribution: metadata.Distribution, extras: set[str]) -> Iterator[Requirement]:
    """Give what a distribution needs here, with some of its extras."""
    for line in distribution.requires or ():
        needed = Requirement(line)
        if needed.marker is None or any(
            needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        ):
            yield needed


def run(command: list[str], folder: Path, quiet: bool = False) -> None:
    """Run a command in a folder where nothing of the checkout can be found; its error is ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(command, cwd=folder, env=clean, stdout=output)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} {' '.join(command[1:3])} ended with {done.returncode}")


if __name__ == "__main__":
    main()
