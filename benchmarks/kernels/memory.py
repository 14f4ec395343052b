"""How much memory a method needs, measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.kernels.methods import METHODS, Photo
from benchmarks.kernels.scoring import run_method


def peak_megabytes(method: str, photo: Photo) -> float:
    """Return by how much a method, with the modules it loads, raises the peak of a process.

    The baseline is a process that has loaded NumPy, SciPy, OpenCV and the photo.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(sender, method, photo))
    child.start()
    sender.close()
    try:
        return float(receiver.recv())
    except EOFError:  # it was killed
        return float("nan")
    finally:
        child.join()


def _measure(sender: Connection, method: str, photo: Photo) -> None:
    before = _peak()
    run_method(METHODS[method], photo)
    sender.send(_peak() - before)


def _peak() -> float:
    """Return this process's greatest resident size so far, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux hands a parent's peak on in ru_maxrss; this figure starts afresh.
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (2**20 if sys.platform == "darwin" else 1024)
