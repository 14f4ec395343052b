"""Ctrl-C, SIGTERM and SIGHUP at any moment of any command, once and twice."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from degrade.disk.processes import is_temporary
from degrade.pairs import open_pairs
from tests.pipelines.enlarged import write_interpolator
from tests.torture.children import in_child, wait_until
from tests.torture.parts import Cases, Part, Rounds
from tests.torture.trials import require_quiet, shared_material

_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST_MS = (0, 1, 3, 10, 20, 50, 100, 200, 400, 800)
_SHARED_MEMORY = Path("/dev/shm")
_PATIENCE = 120.0


@functools.cache
def _material() -> Path:
    """Return the shared material with weights, kernels and a manifest beside it."""
    root = Path(tempfile.mkdtemp(prefix="torture-signals-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    require_quiet(in_child(partial(_make_weights, root)).complaint)
    for entry in shared_material().iterdir():
        (root / entry.name).symlink_to(entry)
    return root


def _make_weights(root: Path) -> None:
    write_interpolator(root / "weights.pth", scale=2)


def commands(out: Path) -> Mapping[str, tuple[str, ...]]:
    """Return every command with arguments that make it work for a while and write to ``out``."""
    root = _material()
    with open_pairs(root / "pairs") as reader:
        key = reader.keys[0]
    photos, pool = str(root / "hr"), str(root / "pool")
    return {
        "demo": ("demo", "--out", str(out), "--jobs", "2"),
        "build-pool": ("build-pool", photos, "--pool", str(out), "--scale", "2", "--jobs", "2"),
        "estimate-kernels": ("estimate-kernels", photos, "--pool", str(out), "--jobs", "1"),
        "extract-noise": (
            *("extract-noise", str(root / "noisy"), "--pool", str(out), "--jobs", "2"),
            *("--patch-size", "16", "--max-variance", "100"),
        ),
        "import-kernels": ("import-kernels", f"{pool}/kernels", "--pool", str(out)),
        "import-noise": ("import-noise", str(root / "noisy"), "--pool", str(out)),
        "inspect": ("inspect", pool, "--verify"),
        "inspect --sheet": ("inspect", pool, "--sheet", f"{out}.png"),
        "build-pairs": (
            *("build-pairs", "--pool", pool, "--hr", photos, "--out", str(out)),
            *("--scale", "2", "--hr-size", "64", "--jobs", "2"),
        ),
        "build-pairs --jobs 1": (
            *("build-pairs", "--pool", pool, "--hr", photos, "--out", str(out)),
            *("--scale", "2", "--hr-size", "64", "--jobs", "1", "--format", "lmdb"),
        ),
        "verify": ("verify", str(root / "pairs")),
        "replay": ("replay", str(root / "pairs"), key),
        "import-pairs": (
            *("import-pairs", "--hr", str(root / "images" / "hr")),
            *("--lr", str(root / "images" / "lr"), "--out", str(out), "--jobs", "2"),
        ),
        "export": ("export", str(root / "pairs"), str(out), "--to", "basicsr-lmdb", "--jobs", "2"),
        "train": (
            *("train", "--pairs", str(root / "pairs"), "--out", str(out), "--steps", "100000"),
            *("--hr-patch", "32", "--workers", "2", "--save-every", "5", "--device", "cpu"),
        ),
        "upscale": (
            *("upscale", photos, "--weights", str(root / "weights.pth"), "--out", str(out)),
            *("--device", "cpu", "--tile", "16"),
        ),
        "convert": ("convert", str(root / "weights.pth"), f"{out}.safetensors"),
        "export-model": ("export-model", str(root / "weights.pth"), f"{out}.onnx"),
        "manifest make": ("manifest", "make", str(_beside(out)), "--out", f"{out}.jsonl"),
        "help": ("--help",),
    }


def _beside(out: Path) -> Path:
    """Return a folder of photos below that of ``out``, as manifests want them."""
    return Path(shutil.copytree(_material() / "hr", out.parent / "photos", dirs_exist_ok=True))


NAMES = (
    *("demo", "build-pool", "estimate-kernels", "extract-noise", "import-kernels"),
    *("import-noise", "inspect", "inspect --sheet", "build-pairs", "build-pairs --jobs 1"),
    *("verify", "replay", "import-pairs", "export", "train", "upscale", "convert"),
    *("export-model", "manifest make", "help"),
)


def signal_at_any_moment(name: str, rounds: Rounds, folder: Path) -> Cases:
    """Signal a command so long after it began to listen; see that it ends as documented."""
    chance = rounds.chance("signals", name)
    delays = [*_FIRST_MS, *(chance.uniform(0, 3000) for _ in range(rounds.signals))]
    if rounds.signals < len(_FIRST_MS):
        delays = chance.sample(_FIRST_MS, rounds.signals)
    for number, delay in enumerate(delays):
        signum = chance.choice(_HEEDED)
        twice = chance.choice((None, None, 0.0, 0.05, 0.3))
        flaw = _signalled(commands(folder / f"out {number}")[name], delay, signum, twice, folder)
        shown = f"{name}: {signum.name} after {delay:.0f} ms{'' if twice is None else ', twice'}"
        yield f"{shown}: {flaw}" if flaw else None


def _signalled(
    arguments: tuple[str, ...],
    delay_ms: float,
    signum: signal.Signals,
    twice: float | None,
    folder: Path,
) -> str | None:
    """Run a command, send the signal, and return what is wrong with its end."""
    temporary = Path(tempfile.mkdtemp(dir=folder))
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)},
        start_new_session=True,
    )
    try:
        wait_until(lambda: listens(process.pid) or process.poll() is not None)
        time.sleep(delay_ms / 1000)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
            if twice is not None:
                time.sleep(twice)
                os.killpg(process.pid, signum)
        out, err = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return "it does not end"
    finally:
        left = processes_of(process.pid)
        if not wait_until(lambda: not processes_of(process.pid), 30):
            left = processes_of(process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            left = []
        process.wait()
    if left:
        return f"{len(left)} processes are left"
    # The last: at its very end, when all is done, the interpreter itself listens no more.
    if process.returncode not in (128 + signum, 0, 3, -signum):
        return f"exit code {process.returncode}: {err[-300:]}"
    for bad in ("Traceback", "Exception ignored", "Error"):
        if bad in err or bad in out:
            return f"{bad} in {err[-600:]}{out[-300:]}"
    said = [line for line in err.splitlines() if line == "degrade: stopped"]
    if process.returncode == 128 + signum and len(said) != ("stopped by" not in out):
        return f"not one line: {err!r} {out!r}"
    flaw = _left_over(folder, temporary, process.pid)
    if flaw and twice is not None:
        # A second signal gives a second to clear up, of which a busy machine has too little: what
        # is left then the next run removes.
        return _signalled(arguments, 2000, signum, None, folder)
    return flaw


def _left_over(folder: Path, temporary: Path, pid: int) -> str | None:
    """Return what a command that has ended left lying about."""
    names = [path for path in folder.rglob("*") if is_temporary(path.name) or path.name == ".lock"]
    names += list(temporary.iterdir())
    # Others on this machine make some, too; PyTorch's have the process in their names.
    names += [path for path in _SHARED_MEMORY.iterdir() if f"_{pid}_" in path.name]
    return f"{names[0]} is left" if names else None


def listens(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM, which Python itself never sets."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that are not dead."""
    return list(_of_session(session))


def _of_session(session: int) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    yield int(folder.name)


def parts() -> Iterator[Part]:
    for name in NAMES:
        run = partial(signal_at_any_moment, name)
        yield Part("signals", "SIGINT, SIGTERM, SIGHUP", "23, 37", name, run)
