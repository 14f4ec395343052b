"""A server that refuses as S3 does: each refusal is said with what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from degrade.errors import UnreachableError
from degrade.places import remote
from degrade.places.remote import RemotePlace

STATUS = {
    "NoSuchBucket": 404,
    "AccessDenied": 403,
    "RequestTimeTooSkewed": 403,
    "InvalidAccessKeyId": 403,
    "ExpiredToken": 400,
    "SlowDown": 503,
}


class _Refusing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    code = ""

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = f"<Error><Code>{self.code}</Code><Message>{self.code}</Message></Error>".encode()
        if self.command == "HEAD":
            body = b""
        self.send_response(STATUS[self.code])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _refuse

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemotePlace]:
    s3fs = pytest.importorskip("s3fs", reason="the extra 'remote' is not installed")
    handler = type("Handler", (_Refusing,), {"code": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "no_proxy": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(remote, "_FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    yield RemotePlace("s3://bucket/pairs")
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("store", "remedy"),
    [
        ("NoSuchBucket", "make the bucket, or check its name"),
        ("AccessDenied", "let these credentials list, read, write and delete there"),
        ("RequestTimeTooSkewed", "set the clock of this machine"),
        ("InvalidAccessKeyId", "the store does not know them"),
        ("ExpiredToken", "renew the credentials"),
        ("SlowDown", "again with fewer processes"),
    ],
    indirect=["store"],
)
def test_a_refusal_is_said_with_what_to_do(store: RemotePlace, remedy: str) -> None:
    with pytest.raises(UnreachableError, match=remedy) as caught:
        store.names()
    assert str(caught.value).startswith("s3://bucket/pairs: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("store", "remedy"),
    [
        ("RequestTimeTooSkewed", "set the clock of this machine"),
        ("ExpiredToken", "renew the credentials"),
    ],
    indirect=["store"],
)
def test_a_question_that_is_refused_without_a_reason_gets_one(
    store: RemotePlace, remedy: str
) -> None:
    with pytest.raises(UnreachableError, match=remedy):
        store.size("run.json")
