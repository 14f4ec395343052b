"""Ports of this machine that stay free until they are taken by number."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

__all__ = ["kept_port"]


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """Yield a port of 127.0.0.1 that is given to nobody who asks for any free one.

    A bound socket that does not listen keeps it until the end of the block. Servers that set
    SO_REUSEADDR, as most do, can have it all the same; until then nobody answers there.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])
