"""A real S3 server on this machine, for the tests of places that are no folders."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.ports import kept_port

BUCKET = "bucket"


@dataclass
class S3Server:
    """A server that can be stopped and started again with what it holds."""

    port: int
    _server: Any = field(default=None, repr=False)

    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What makes any process of this machine use the server."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "dummy-key-id",
            "AWS_SECRET_ACCESS_KEY": "dummy-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "no_proxy": "127.0.0.1",
        }


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server with an empty bucket; this process and its children reach it."""
    fsspec = pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    s3fs = pytest.importorskip("s3fs", reason="the extra 'remote' is not installed")
    pytest.importorskip("moto.server", reason="moto[server], an S3 server for tests, is missing")
    for name in ("werkzeug", "botocore", "aiobotocore", "s3fs"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with kept_port() as port, pytest.MonkeyPatch.context() as patch:
        server = S3Server(port)
        server.start()
        for name, value in server.environment.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "http_proxy", "HTTP_PROXY"):
            patch.delenv(name, raising=False)
        s3fs.S3FileSystem.clear_instance_cache()
        with contextlib.suppress(FileExistsError):  # all servers of a process share what they hold
            fsspec.filesystem("s3").mkdir(BUCKET)
        try:
            yield server
        finally:
            with contextlib.suppress(Exception):
                server.stop()
            s3fs.S3FileSystem.clear_instance_cache()


def objects(url: str) -> dict[str, bytes]:
    """Return every object below ``url``."""
    import fsspec

    fs, root = fsspec.url_to_fs(url)
    fs.invalidate_cache()
    root = root.rstrip("/")
    return {path.removeprefix(f"{root}/"): fs.cat_file(path) for path in fs.find(root)}
