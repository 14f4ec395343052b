"""How a command ends that did not end well: one line on standard error, and an exit code."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
from collections.abc import Sequence

import click

from degrade.errors import DegradeError, line_of, remedy_for
from pipelines.shared.interrupts import Interrupted, interrupt_signal
from pipelines.shared.speech import said

__all__ = ["exit_code", "interrupt_behind", "one_line", "require_memory", "say_failure"]


def exit_code(error: BaseException) -> int:
    """Return the exit code of what a command raised."""
    if isinstance(error, KeyboardInterrupt):
        return 128 + interrupt_signal(error)
    if isinstance(error, BrokenPipeError):  # as of any tool whose reader went away
        return 128 + signal.SIGPIPE
    return error.exit_code if isinstance(error, DegradeError) else 1


def interrupt_behind(error: BaseException, heard: Sequence[int]) -> KeyboardInterrupt | None:
    """Return the interrupt that a library made another error of, such as a failed import."""
    if not heard or isinstance(error, KeyboardInterrupt):
        return None
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return Interrupted(heard[0]) if seen or not isinstance(error, DegradeError) else None


_LEAST_MEMORY = 320 << 20
"""Bytes of address space that the libraries take before any work. With a little less OpenBLAS ends
the process in its own words."""


def require_memory() -> None:
    """Raise MemoryError where the process may not take what every command needs."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _LEAST_MEMORY:
        raise MemoryError


def say_failure(error: BaseException) -> int:
    """Write what a command raised as one line, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # `degrade inspect | head`; not worth a word
        _forget(sys.stdout)
        _forget(sys.stderr)
        return exit_code(error)
    text = f"degrade: {_told(error)}"
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
    return exit_code(error)


def _told(error: BaseException) -> str:
    """Return what is said of an error."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if isinstance(error, DegradeError):
        return said(one_line(error))
    if isinstance(error, OSError) and error.strerror:
        if _is_of_output(error):
            _forget(sys.stdout)
            return f"standard output cannot be written ({error.strerror}); write it elsewhere"
        remedy = remedy_for(error, "check the path, permissions and free space")
        place = f"{line_of(error.filename)}: " if error.filename else ""
        return f"{place}{error.strerror}; {said(remedy)}"
    if isinstance(error, MemoryError) or _TOO_LITTLE_MEMORY.search(str(error)):
        return (
            "out of memory; use smaller images or fewer processes, or let this one have more "
            "(ulimit -v)"
        )
    if isinstance(error, ImportError) and error.name:
        module = error.name.split(".")[0]
        package = {"cv2": "opencv-python-headless"}.get(module, module)
        return (
            f"the package {package} cannot be loaded ({line_of(str(error))}); "
            f"install it: pip install {package}"
        )
    return f"unexpected {type(error).__name__}: {one_line(error)} (--debug shows more)"


_TOO_LITTLE_MEMORY = re.compile(
    "failed to map segment|cannot allocate memory|can't allocate memory|can't start new thread"
    "|could not create a primitive|std::bad_alloc|Unable to allocate",
    re.IGNORECASE,
)
"""What libraries say that get no memory and have no exception for it."""


def _is_of_output(error: OSError) -> bool:
    """Tell whether an error comes from writing to standard output."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == click.utils.__file__


def _forget(stream: object) -> None:
    """Let nothing be written to a stream any more, not even at the end."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[attr-defined]
        os.close(null)


def one_line(error: BaseException) -> str:
    """Return an error's text on one printable line, with what was noted about it in a line."""
    # A worker's traceback is for --debug.
    notes = [note for note in getattr(error, "__notes__", []) if "\n" not in note]
    return line_of(" ".join(" ".join([str(error), *notes]).split()))
