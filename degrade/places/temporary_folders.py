"""Temporary folders of this machine that the next process clears away when this one is killed."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from os import getpid
from pathlib import Path

from degrade.disk.processes import process_start

__all__ = ["make_temporary_folder"]


def make_temporary_folder() -> Path:
    """Make a new folder where TMPDIR says; those of killed processes of this host are removed.

    Raises
    ------
    OSError
        There is no room, or no permission.
    """
    # The start too: in a container that was restarted, the same process id is alive again.
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:64]
    for folder in Path(tempfile.gettempdir()).glob(f"degrade.{host}.*"):
        _, _, pid, start, *_ = [*folder.name.split("."), "", ""]
        if pid.isdecimal() and start not in ("", str(process_start(int(pid)))):
            shutil.rmtree(folder, ignore_errors=True)
    prefix = f"degrade.{host}.{getpid()}.{process_start(getpid())}."
    return Path(tempfile.mkdtemp(prefix=prefix))
