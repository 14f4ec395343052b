"""The start and the end of the process ``degrade``.

A signal may come while the libraries load, which takes seconds. So this module loads nothing but
what listens for signals, and does so first. Who uses ``pipelines.cli.main`` as a library keeps the
signals and streams that are there.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["start"]

_HEEDED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_STOPPED = tuple(128 + number for number in (*_HEEDED, signal.SIGPIPE))


def start() -> None:
    """Run the command line and end the process; see :data:`pipelines.cli.main`."""
    try:
        for number in _HEEDED:
            # What nohup, and a shell for background jobs, ignores stays ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _end_at_once)
    except KeyboardInterrupt:  # of Python's own handler, which was still there
        _end_at_once(signal.SIGINT, None)
    # Whoever stops reading the help ends it, as with any tool.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _open_missing_streams()
    try:
        os.getcwd()  # noqa: PTH109 (what loads pathlib would load it before signals are heard)
    except OSError:
        sys.exit("degrade: the current folder is gone; change to one that is there: cd")
    from pipelines.cli.commands import main
    from pipelines.cli.streams import replace_unknown_letters

    replace_unknown_letters()
    try:
        main()
    except SystemExit as end:
        if end.code in _STOPPED:
            # The interpreter would wait for threads, and tear down what is half loaded.
            _flush()
            os._exit(int(end.code or 0))
        raise


def _end_at_once(signum: int, _frame: object) -> None:
    """End while nothing has been begun, or everything is done."""
    for number in _HEEDED:  # one line, however often somebody presses Ctrl-C
        signal.signal(number, signal.SIG_IGN)
    try:
        os.write(2, b"degrade: stopped\n")
    finally:
        os._exit(128 + signum)


def _open_missing_streams() -> None:
    """Put the null device where a standard stream is closed.

    The first file that is opened would take its number, and the messages of libraries would go
    into that file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, "r" if name == "stdin" else "w"))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
