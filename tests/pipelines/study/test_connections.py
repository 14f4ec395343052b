"""Connections of which nothing comes, or nothing is taken."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import write_png
from degrade.rng import rng_for
from tests.pipelines.study.conftest import make
from tests.pipelines.study.raters import Client, serve
from tests.torture.children import wait_until

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def test_connections_end_when_a_request_does_not_come(mos: Path) -> None:
    """Neither nothing, nor a part of a head or of a body, letter by letter, keeps a connection."""
    with serve(mos, patience_s=0.5) as server:
        host = f"Host: 127.0.0.1:{server.port}\r\n"
        post = f"POST /begin HTTP/1.1\r\n{host}Origin: http://127.0.0.1:{server.port}\r\n"
        get = f"GET /files/study.js HTTP/1.1\r\n{host}\r\n"
        for begun, says in (
            ("", b""),
            ("GET / HT", b""),
            (post + "Content-Length: 9\r\n\r\nab", b"408"),
            (get, b"200"),
            (get + "GET /x", b"200"),
        ):
            for _ in range(10):
                began = time.monotonic()
                with socket.create_connection(("127.0.0.1", server.port)) as held:
                    with contextlib.suppress(ConnectionError):
                        held.sendall(begun.encode())
                    was_in_time = time.monotonic() - began < 0.25
                    told = _until_closed(held, begun.endswith(("HT", "ab", "/x")))
                if was_in_time:
                    break  # else this process had no turn for so long that nothing had come
            else:
                pytest.fail("this process never had its turn in time")
            assert (says in told) if says else not told, begun
        assert wait_until(lambda: _is_served(server.port))


def _is_served(port: int) -> bool:
    """Tell whether a rater is served; one who had no turn for half a second is not."""
    try:
        return Client(port).begin().ask("GET", "/trial").status == 200
    except (OSError, TypeError, AssertionError, http.client.HTTPException):
        return False


def _until_closed(held: socket.socket, goes_on: bool) -> bytes:
    """Return what the server says until it closes, to who sends one letter after the other."""
    held.settimeout(0.1)
    began, told = time.monotonic(), b""
    while True:
        assert time.monotonic() - began < 60
        with contextlib.suppress(ConnectionError, TimeoutError):
            held.sendall(b"c" if goes_on else b"")
        try:
            got = held.recv(1 << 20)  # what came before the end is here after it, too
        except TimeoutError:
            continue
        except ConnectionError:
            return told
        if not got:
            return told
        told += got


def _is_closed(port: int, other: int) -> bool:
    """Tell whether a server has closed its end of a connection, whoever still has to read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if [int(end.rpartition(":")[2], 16) for end in (local, remote)] == [port, other]:
            return state != "01"
    return True


@pytest.mark.slow
def test_connections_end_of_which_nobody_reads_the_response(tmp_path: Path) -> None:
    """A picture larger than what kernels keep of it; who reads slowly gets all of it."""
    rng = rng_for(0, "large pictures")
    for name in ("HR", "soft", "noisy"):
        write_png(tmp_path / name / "0.png", rng.integers(0, 256, (1400, 1400, 3), dtype=np.uint8))
    study = make(tmp_path, "mos", reference=tmp_path / "HR")
    with serve(study, patience_s=3.0) as server:
        client, whole = Client(server.port).begin(), 0
        while whole < 5 << 20:  # a check's is small
            told = client.ask("GET", "/trial").json()
            address = told["slots"][0]["address"]
            whole = len(client.ask("GET", address).body)
            if whole < 5 << 20:
                client.vote(told["number"], 1)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        asked = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookies}\r\n"

        def open_one() -> socket.socket:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", server.port))
            one.sendall(f"{asked}\r\n".encode())
            return one

        with open_one() as slow:
            slow.settimeout(60)
            taken, began = 0, time.monotonic()
            while taken < whole:
                got = slow.recv(whole // 32)
                assert got, taken
                taken += len(got)
                time.sleep(len(got) / whole * 10)
            assert time.monotonic() - began > 9
        with open_one() as held:
            assert wait_until(lambda: _is_closed(server.port, held.getsockname()[1]))
            held.settimeout(60)
            taken = 0
            with contextlib.suppress(ConnectionError):
                while got := held.recv(1 << 20):
                    taken += len(got)
            assert taken < whole
