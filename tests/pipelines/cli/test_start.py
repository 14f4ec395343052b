"""The process ``degrade``, begun as a person begins it: its streams, its folder, its signals."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import write_png
from degrade.rng import rng_for
from tests.torture.children import PATIENCE, wait_until
from tests.torture.signals import listens

ROOT = Path(__file__).parents[3]
DEGRADE = (sys.executable, "-m", "pipelines.cli")


def begin(
    *arguments: object,
    stdout: int = subprocess.PIPE,
    before: Callable[[], object] | None = None,
    **environment: str,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*DEGRADE, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        preexec_fn=before,
    )


def run(
    *arguments: object, before: Callable[[], object] | None = None, **environment: str
) -> tuple[int, bytes, bytes]:
    process = begin(*arguments, before=before, **environment)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.parametrize("delay_ms", [0, 1, 5, 20, 60, 150])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_libraries_load_ends_in_one_line(delay_ms: int, number: int) -> None:
    for _ in range(10):
        process = begin("train", "--pairs", "nowhere")
        assert wait_until(lambda: process.poll() is not None or listens(process.pid))  # noqa: B023
        time.sleep(delay_ms / 1000)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        if not err.startswith(b"degrade: nowhere"):
            break  # else this process had to wait so long that all was loaded
    assert (process.returncode, out, err) == (128 + number, b"", b"degrade: stopped\n")


_STOPPED_BEFORE_IT_LISTENS = """
import os, signal, sys
from pipelines.cli.start import start

def stop(frame, event, _argument):
    if frame.f_code.co_name == "getsignal":
        sys.settrace(None)
        os.kill(os.getpid(), signal.SIGINT)

sys.settrace(stop)
start()
"""


def test_ctrl_c_just_before_signals_are_listened_to_ends_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STOPPED_BEFORE_IT_LISTENS, "--version"],
        capture_output=True,
        timeout=PATIENCE,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"degrade: stopped\n")


def test_a_signal_while_a_slow_library_loads_is_not_kept_waiting(
    tmp_path: Path, scenes: Path
) -> None:
    """On a machine at work torch takes ten seconds to load; this one takes minutes."""
    begun = tmp_path / "begun"
    (tmp_path / "torch.py").write_text(
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(250)\n"
    )
    networks = ("--mse", tmp_path / "mse.pth", "--gan", tmp_path / "gan.pth")
    command = ("detect-artifacts", scenes, *networks, "--out", tmp_path / "out")
    process = begin(*command, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert wait_until(begun.exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"degrade: stopped\n")
    assert not (tmp_path / "out").exists()


def test_what_nohup_ignores_stays_ignored() -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = begin("train", "--pairs", "nowhere", before=ignore)
    assert wait_until(lambda: listens(process.pid))
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and err.startswith(b"degrade: nowhere")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "koi8-r", "utf-8"])
def test_letters_that_a_terminal_does_not_know_are_replaced(pool: Path, encoding: str) -> None:
    code, out, err = run("inspect", pool, PYTHONIOENCODING=encoding)
    assert code == 0 and err == b""
    text = out.decode(encoding)
    assert "13×13" in text or "13x13" in text
    assert "1.30  px" in text and ("0.80…1" in text or "0.80...1" in text)
    odd = os.fsdecode(b"n\xff \xc3\xbc\xe2\x86\x92.png")
    code, _, err = run("extract-noise", odd, PYTHONIOENCODING=encoding)
    assert code == 1 and err.count(b"\n") == 1
    assert "does not exist" in err.decode(encoding) and b"udcff" in err
    code, out, _ = run("train", "--help", PYTHONIOENCODING=encoding)
    assert code == 0 and "Usage" in out.decode(encoding)


def test_closed_streams_are_no_files_of_a_run(tmp_path: Path, pool: Path, scenes: Path) -> None:
    def close_all() -> None:
        for number in (0, 1, 2):
            os.close(number)

    results = {}
    for name, before in (("closed", close_all), ("open", None)):
        arguments = ("--pool", pool, "--hr", scenes, "--scale", 2, "--hr-size", 64, "--jobs", 1)
        code, _, _ = run("build-pairs", *arguments, "--out", tmp_path / name, before=before)
        assert code == 0
        results[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert results["closed"] == results["open"]


@pytest.mark.parametrize("arguments", [("inspect",), ("--help",), ("train", "--help")])
def test_a_full_standard_output_is_said(pool: Path, arguments: tuple[str, ...]) -> None:
    more = (pool,) if arguments == ("inspect",) else ()
    with Path("/dev/full").open("wb") as full:
        process = begin(*arguments, *more, stdout=full.fileno())
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.startswith(b"degrade: standard output cannot be written (No space left")
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [("inspect",), ("--help",)])
def test_a_reader_that_goes_away_ends_a_command_quietly(
    pool: Path, arguments: tuple[str, ...]
) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    more = (pool,) if arguments == ("inspect",) else ()
    process = begin(*arguments, *more, stdout=writable)
    os.close(writable)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode in (128 + signal.SIGPIPE, -signal.SIGPIPE) and err == b""


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"

    def leave_nothing() -> None:
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    code, _, err = run("inspect", "pool", before=leave_nothing)
    assert code == 1 and err == (
        b"degrade: the current folder is gone; change to one that is there: cd\n"
    )


def test_a_home_that_is_not_there_harms_nothing(pool: Path) -> None:
    code, _, err = run("inspect", pool, "--verify", HOME="/dev/null", TMPDIR="/dev/null")
    assert (code, err) == (0, b"verify: every file is as it was added\n")


@pytest.mark.parametrize("mib", [60, 150, 220])  # it needs a little more than 300
def test_too_little_memory_is_said_in_one_line(pool: Path, mib: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    code, _, err = run("inspect", pool, before=limit)
    assert code == 1 and err.startswith(b"degrade: out of memory") and err.count(b"\n") == 1


def test_too_few_open_files_are_said_with_what_to_do(pool: Path, tmp_path: Path) -> None:
    noise = rng_for(0, "many").normal(120, 2.5, (128, 128, 3))
    write_png(tmp_path / "flat.png", np.rint(noise).astype(np.uint8))
    arguments = ("--patch-size", 16, "--max-variance", 100, "--jobs", 1)

    def limited(number: int) -> tuple[int, bytes]:
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))

        out = tmp_path / f"pool {number}"
        code, _, err = run(
            "extract-noise", tmp_path / "flat.png", "--pool", out, *arguments, before=limit
        )
        return code, err

    assert limited(64) == (0, b"")
    code, err = limited(16)
    assert code == 1 and err.count(b"\n") == 1
    assert b"Too many open files" in err and b"(ulimit -n 4096)" in err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_report_on_standard_output_is_alone_there(tmp_path: Path, encoding: str) -> None:
    odd = tmp_path / os.fsdecode(b"\xff \xc3\x97.png")
    odd.write_text("no picture")
    code, out, err = run("--report", "-", "extract-noise", odd, PYTHONIOENCODING=encoding)
    report = json.loads(out.decode(encoding))
    assert code == report["exit_code"] == 1
    assert report["job"] == "extract-noise" and err.count(b"\n") == 1
    assert not Path("-").exists()
