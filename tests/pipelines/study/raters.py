"""A study that is served by the real command, and raters who speak HTTP to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from degrade.images.image_io import write_png
from degrade.rng import rng_for
from tests.torture.children import PATIENCE

__all__ = ["Answer", "Client", "Served", "serve", "write_results"]


def write_results(root: Path, images: int = 6, *, size: tuple[int, int] = (48, 64)) -> Path:
    """Write HR, a blurred and a noisy version of it, and LR; names differ by marks."""
    for number in range(images):
        rng = rng_for(0, "study results", number)
        hr = rng.integers(0, 256, (size[0] // 4, size[1] // 4, 3)).astype(np.uint8)
        hr = hr.repeat(4, axis=0).repeat(4, axis=1)
        mean = np.full_like(hr, hr.mean(axis=(0, 1)).astype(np.uint8))
        write_png(root / "HR" / f"{number:04}.png", hr)
        write_png(root / "soft" / f"{number:04}x4.png", hr // 2 + mean // 2)
        noisy = hr + rng.normal(0, 20, hr.shape)
        write_png(root / "noisy" / f"{number:04}.png", np.clip(noisy, 0, 255).astype(np.uint8))
        write_png(root / "LR" / f"{number:04}x4.png", hr[::4, ::4])
    return root


@dataclass
class Answer:
    """What a server said."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server at work.

    Attributes
    ----------
    process : Popen
    address : str
        The link for raters.
    """

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/", self.address)[1])  # type: ignore[index]

    def stop(self) -> str:
        """Ask it to end, and return what it said."""
        self.process.terminate()
        return "".join(self.process.communicate(timeout=PATIENCE))

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.communicate()


_SERVE = """
import sys
from pathlib import Path
from pipelines.study.serve import ServeStudyConfig, serve_study
config = ServeStudyConfig(study=Path(sys.argv[1]), port=0, patience_s=float(sys.argv[2]))
serve_study(config, on_ready=lambda address: print(address, file=sys.stderr, flush=True))
"""


@contextlib.contextmanager
def serve(study: Path, *options: str, patience_s: float | None = None) -> Iterator[Served]:
    """Run ``degrade study serve`` until the end of the block."""
    port = [] if "--port" in options else ["--port", "0"]
    words = ["-m", "pipelines.cli", "study", "serve", str(study), *port, *options]
    if patience_s is not None:  # no option of the command
        words = ["-c", _SERVE, str(study), str(patience_s)]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"https?://\S+", line)
        assert found is not None, line + process.stderr.read()
        yield Served(process, found[0])
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=PATIENCE)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@dataclass
class Client:
    """A rater's browser, without a browser."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str | None
    ) -> Answer:
        """Send a request; headers are those of a browser but for those that are given."""
        host = f"127.0.0.1:{self.port}"
        sent: dict[str, str | None] = {"Host": host}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            sent |= {"Origin": f"http://{host}", "X-CSRF": self.csrf}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            if data is not None and "Content-Length" not in sent:
                sent["Content-Length"] = str(len(data))
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.send(data or b"")
            got = connection.getresponse()
            answer = Answer(got.status, got.read(), {k.lower(): v for k, v in got.getheaders()})
            cookies = got.headers.get_all("set-cookie", [])
        finally:
            connection.close()
        for name, value in re.findall(r"^(\w+)=([^;]*)", "\n".join(cookies), re.MULTILINE):
            self.cookies[name] = value
        return answer

    def begin(self) -> Client:
        """Read the welcome and begin."""
        page = self.ask("GET", "/").body.decode()
        self.csrf = re.search(r'name="csrf" value="(\w+)"', page)[1]  # type: ignore[index]
        begun = self.ask("POST", "/begin", f"csrf={self.csrf}")
        assert begun.status == 303, begun
        return self

    def vote(self, number: int, *answers: int, **headers: str | None) -> Answer:
        ballot = {
            "trial": number, "answers": answers, "key": secrets.token_hex(8), "seconds": 1.5
        }  # fmt: skip
        return self.ask("POST", "/vote", json.dumps(ballot), **headers)

    def rate(self, answer: Callable[[dict[str, Any]], list[int]], most: int | None = None) -> int:
        """Judge what comes, and return how much."""
        told = self.ask("GET", "/trial").json()
        done = 0
        while not told["done"] and (most is None or done < most):
            for slot in told["slots"]:
                assert self.ask("GET", slot["address"]).status == 200
            reply = self.vote(told["number"], *answer(told))
            assert reply.status == 200, reply
            told, done = reply.json(), done + 1
        return done


def good(_told: object) -> list[int]:
    """What a contented rater answers."""
    return [4]
