"""The guard before a study's pages, as those meet it who would do harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pipelines.study.raters import Client, Served, good, serve
from tests.ports import kept_port

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "http://[::1"},
        {"Origin": "https://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_CSRF": "0" * 32},
        {"X_CSRF": None},
        {"X_CSRF": "é"},
    ],
)
def test_vote_refuses_forged_requests(client: Client, headers: dict[str, str | None]) -> None:
    client.begin()
    assert client.vote(1, 4, **headers).status == 403
    assert client.ask("GET", "/trial").json()["answered"] == 0


def test_another_raters_csrf_is_none(client: Client, served: Served) -> None:
    client.begin()
    assert client.vote(1, 4, X_CSRF=Client(served.port).begin().csrf).status == 403


def rater_cookie(client: Client) -> str:
    """Return the name of the cookie by which a rater goes on: each study has one of its own."""
    (name,) = [name for name in client.cookies if re.fullmatch(r"study_rater_[0-9a-f]{8}", name)]
    return name


def test_begin_refuses_forged_forms(client: Client) -> None:
    page = client.ask("GET", "/").body.decode()
    csrf = re.search(r'name="csrf" value="(\w+)"', page)[1]  # type: ignore[index]
    assert client.ask("POST", "/begin", f"csrf={csrf}", Origin="http://evil.example").status == 403
    assert client.ask("POST", "/begin", "csrf=" + "0" * 32).status == 403
    assert client.ask("POST", "/begin", "&".join("abcdefghijklmnop")).status == 403
    short = f"{rater_cookie(client)}=short"
    assert client.ask("POST", "/begin", f"csrf={csrf}", Cookie=short).status == 403
    assert client.ask("GET", "/trial").status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::1", "a:b:c"]
)
def test_other_hosts_are_refused(client: Client, host: str) -> None:
    """A page that a browser takes for ours by a name that leads here (DNS rebinding)."""
    assert client.ask("GET", "/", Host=host).status == 400


def test_hosts_by_number_and_localhost_are_served(client: Client) -> None:
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:8765"):
        assert client.ask("GET", "/", Host=host).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/image/../study.json",
        "/image/..%2f..%2fstudy.json",
        "/image/%2e%2e/votes.db",
        "/image//etc/passwd",
        "/files/../pages.py",
        "/files/..%2fpages.py",
        "/files/welcome.html",
        "/example/../../votes.db",
        "//etc/passwd",
        "/../../../../etc/passwd",
        "/study.json",
        "/votes.db",
        "/image/" + "0" * 32,
        "/image/%00",
        "/resume/" + "x" * 43,
        "/resume/..",
        "/trial/-1",
        "/trial/99999999999999999999999",
        "/trial/0",
    ],
)
def test_no_path_of_the_client_is_taken(client: Client, path: str) -> None:
    client.begin()
    answer = client.ask("GET", path)
    assert answer.status in (404, 400, 307) and b"root:" not in answer.body
    assert b"degrade-study" not in answer.body and b"SQLite" not in answer.body


def test_too_large_bodies_are_refused(client: Client) -> None:
    client.begin()
    assert client.ask("POST", "/vote", b"x" * 5000).status == 413
    assert client.ask("POST", "/vote", b"x", Content_Length="999999999").status == 413
    chunk = b"%x\r\n" % 5000 + b"x" * 5000 + b"\r\n0\r\n\r\n"
    reply = client.ask("POST", "/vote", chunk, Transfer_Encoding="chunked", Content_Length=None)
    assert reply.status in (400, 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert client.ask(method, "/").status == 405


def test_answers_forbid_all_but_this_server(client: Client) -> None:
    for path in ("/", "/files/study.js", "/nowhere", "/trial"):
        headers = client.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    cookie = Client(client.port).ask("GET", "/").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_who_asks_too_much_has_to_wait(client: Client, served: Served) -> None:
    client.begin()
    codes = [client.ask("GET", "/trial").status for _ in range(400)]
    assert codes[0] == 200 and 429 in codes
    assert Client(served.port).begin().ask("GET", "/trial").status == 200, "others need not"


def test_cookies_of_other_programs_do_no_harm(client: Client) -> None:
    client.begin()
    name = rater_cookie(client)
    odd = (
        f'a={{"x": "y, z"}}; b; =; study_rater=of-another-study; {name}={client.cookies[name]}; c="'
    )
    assert client.ask("GET", "/trial", Cookie=odd).status == 200


def test_a_token_is_asked_for_where_others_can_connect(mos: Path) -> None:
    with serve(mos, "--host", "0.0.0.0") as server:
        token = server.address.partition("?token=")[2]
        assert len(token) >= 24
        stranger = Client(server.port)
        for path in ("/", "/trial", "/files/study.js", "/image/x", "/?token=" + "x" * 24):
            assert stranger.ask("GET", path).status == 401
        assert stranger.ask("POST", "/begin", "csrf=1").status == 401
        codes = {stranger.ask("GET", f"/?token={n:024}").status for n in range(40)}
        assert codes == {401, 429}, "guessing is slowed down"
        guest = Client(server.port)
        answer = guest.ask("GET", f"/?token={token}")
        assert answer.status == 303 and token not in answer.headers["set-cookie"]
        guest.begin()
        assert guest.rate(good, most=1) == 1
        server.stop()
    with serve(mos, "--host", "0.0.0.0") as server:
        assert server.address.endswith(token), "links that were sent stay good"
        again = Client(server.port, guest.cookies, guest.csrf)
        assert again.ask("GET", "/trial").json()["answered"] == 1


def test_a_rater_goes_on_elsewhere_where_there_is_a_token(mos: Path) -> None:
    with serve(mos, "--token", "a" * 24) as server:
        client = Client(server.port)
        assert client.ask("GET", "/?token=" + "a" * 24).status == 303
        client.begin()
        client.rate(good, most=2)
        link = re.search(r'href="(/resume/[^"]+)"', client.ask("GET", "/").body.decode())[1]  # type: ignore[index]
        for query in ("", "?token=" + "a" * 24):
            other = Client(server.port)
            assert other.ask("GET", link + query).status == 303
            assert other.ask("GET", "/").status == 200
            assert other.ask("GET", "/trial").json()["answered"] == 2
        stranger = Client(server.port)
        for path in ("/resume/" + "x" * 43, link + "x", "/resume/", "/resume/../trial"):
            assert stranger.ask("GET", path).status in (401, 404)
        assert stranger.cookies == {} and stranger.ask("GET", "/trial").status == 401


def test_two_studies_with_tokens_at_one_host_share_a_browser(mos: Path, pairs: Path) -> None:
    """Browsers send cookies to all ports of a host."""
    with serve(mos, "--token", "a" * 24) as one, serve(pairs, "--token", "b" * 24) as other:
        browser = Client(one.port)
        for port, token in ((one.port, "a" * 24), (other.port, "b" * 24)):
            browser.port = port
            assert browser.ask("GET", f"/?token={token}").status == 303
        for port in (one.port, other.port):
            browser.port = port
            assert browser.ask("GET", "/").status == 200


def test_a_token_is_asked_for_where_a_proxy_has_a_name(mos: Path) -> None:
    with (
        kept_port() as port,
        serve(mos, "--name", "study.example", "--port", str(port)) as server,
    ):
        assert re.fullmatch(r"https://study\.example/\?token=[\w-]{24,}", server.address)
        guest = Client(port)
        assert guest.ask("GET", "/", Host="study.example").status == 401
        token = server.address.partition("?token=")[2]
        answer = guest.ask("GET", f"/?token={token}", Host="study.example")
        assert answer.status == 303 and answer.headers["location"] == "/"
        assert guest.ask("GET", "/", Host="study.example").status == 200
