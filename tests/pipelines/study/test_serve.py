"""The server as raters, and those who would do harm, meet it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.images.image_io import write_png
from degrade.rng import rng_for
from degrade.studies import Votes, picture_path, read_definition
from pipelines.cli import main
from tests.pipelines.study.conftest import make
from tests.pipelines.study.raters import Client, Served, serve, write_results

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def good(_told: object) -> list[int]:
    return [4]


def test_a_rater_judges_all_and_is_thanked(client: Client) -> None:
    total = client.begin().ask("GET", "/trial").json()["total"]
    assert client.rate(good) == total == 18 + 2
    told = client.ask("GET", "/trial").json()
    assert told["done"] and told["answered"] == total


def test_answers_tell_neither_methods_nor_files(client: Client) -> None:
    client.begin()
    texts = [client.ask("GET", path) for path in ("/", "/trial", "/files/study.js")]
    told = texts[1].json()
    texts.append(client.ask("GET", told["slots"][0]["address"]))
    for answer in texts:
        whole = answer.body + repr(answer.headers).encode()
        for secret in (b"soft", b"noisy", b"0000", b"0003", b"x4"):
            assert secret not in whole
    assert not {"etag", "last-modified", "server"} & texts[-1].headers.keys()


def test_images_have_other_names_for_each_rater_and_trial(client: Client, served: Served) -> None:
    other = Client(served.port).begin()
    client.begin()
    names = []
    for rater in (client, other):
        for _ in range(6):
            told = rater.ask("GET", "/trial").json()
            names += [slot["address"] for slot in told["slots"]]
            rater.vote(told["number"], 3)
    assert len(set(names)) == len(names)
    assert other.ask("GET", names[0]).status == 404 and client.ask("GET", names[0]).status == 200


def test_votes_can_be_changed_and_not_jump_ahead(client: Client) -> None:
    client.begin()
    assert client.vote(2, 3).status == 409
    assert client.vote(1, 3).status == 200
    assert client.ask("GET", "/trial/1").json()["answers"] == [3]
    assert client.vote(1, 5).json()["number"] == 2
    assert client.ask("GET", "/trial/1").json()["answers"] == [5]
    assert client.ask("GET", "/trial/3").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"trial": 1}',
        json.dumps({"trial": 1, "answers": [6], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [0], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3, 3], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3.5], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "short", "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "k" * 9, "seconds": -1}),
        json.dumps({"trial": 10**30, "answers": [3], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "k" * 9, "seconds": 1, "rater": 0}),
        b'{"trial": 1, "answers": [3], "key": "kkkkkkkkk", "seconds": NaN}',
        b"[" * 4000,
    ],
)
def test_vote_refuses_what_is_no_vote(client: Client, body: bytes | str) -> None:
    client.begin()
    assert client.ask("POST", "/vote", body).status == 400
    assert client.ask("GET", "/trial").json()["answered"] == 0


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


def test_a_rater_goes_on_elsewhere_by_their_link(client: Client, served: Served) -> None:
    client.begin()
    client.rate(good, most=2)
    link = re.search(r'href="(/resume/[^"]+)"', client.ask("GET", "/").body.decode())[1]  # type: ignore[index]
    other = Client(served.port)
    assert other.ask("GET", link).status == 303
    assert other.ask("GET", "/trial").json()["answered"] == 2


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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with serve(mos, "--name", "study.example", "--port", str(port)) as server:
        assert re.fullmatch(r"https://study\.example/\?token=[\w-]{24,}", server.address)
        guest = Client(port)
        assert guest.ask("GET", "/", Host="study.example").status == 401
        token = server.address.partition("?token=")[2]
        answer = guest.ask("GET", f"/?token={token}", Host="study.example")
        assert answer.status == 303 and answer.headers["location"] == "/"
        assert guest.ask("GET", "/", Host="study.example").status == 200


def test_serve_refuses_short_tokens_and_taken_ports(mos: Path, tmp_path: Path) -> None:
    assert "--token must have at least 16" in run("study", "serve", mos, "--token", "short").output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run("study", "serve", mos, "--port", taken.getsockname()[1])
        assert found.exit_code == 1 and "--host or --port" in found.output
    found = run("study", "serve", mos, "--host", "no.such.host.invalid")
    assert found.exit_code == 1 and "give another --host" in found.output


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
            with socket.create_connection(("127.0.0.1", server.port)) as held:
                held.sendall(begun.encode())
                held.settimeout(0.1)
                began, told = time.monotonic(), b""
                while True:
                    assert time.monotonic() - began < 20, begun
                    try:
                        held.sendall(b"c" if begun.endswith(("HT", "ab", "/x")) else b"")
                        got = held.recv(1 << 20)
                    except TimeoutError:
                        continue
                    except ConnectionError:
                        break
                    if not got:
                        break
                    told += got
                assert (says in told) if says else not told, begun
        assert Client(server.port).begin().ask("GET", "/trial").status == 200


@pytest.mark.slow
def test_connections_end_of_which_nobody_reads_the_response(tmp_path: Path) -> None:
    """A picture larger than what kernels keep of it; who reads slowly gets all of it."""
    rng = rng_for(0, "large pictures")
    for name in ("HR", "soft", "noisy"):
        write_png(tmp_path / name / "0.png", rng.integers(0, 256, (1400, 1400, 3), dtype=np.uint8))
    study = make(tmp_path, "mos", reference=tmp_path / "HR")
    with serve(study, patience_s=0.25) as server:
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
            slow.settimeout(20)
            taken, began = 0, time.monotonic()
            while taken < whole:
                got = slow.recv(whole // 16)
                assert got, taken
                taken += len(got)
                time.sleep(len(got) / whole * 4)
            assert time.monotonic() - began > 3
        with open_one() as held:
            time.sleep(6)
            held.settimeout(20)
            taken = 0
            with contextlib.suppress(ConnectionError):
                while got := held.recv(1 << 20):
                    taken += len(got)
            assert taken < whole


def test_serve_says_what_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for name, reason in (
        ("folder", "is no study, it has no study.json"),
        ("file", "is no folder"),
        ("nothing", "is not there"),
    ):
        for command in ("serve", "results"):
            refused = run("study", command, tmp_path / name)
            assert refused.exit_code == 1
            assert refused.output == (
                f"degrade: {tmp_path / name}: {reason}; give the folder of a study, or make one by "
                "degrade study make\n"
            )


def test_serve_refuses_a_study_that_is_served(mos: Path) -> None:
    with serve(mos):
        found = run("study", "serve", mos, "--port", 0)
        assert found.exit_code == 1 and "is in use by process" in found.output


def test_serve_names_a_picture_that_is_missing(mos: Path) -> None:
    image = read_definition(mos).images[2]
    picture_path(mos, image.results[1]).unlink()
    found = run("study", "serve", mos, "--port", 0)
    assert found.exit_code == 1 and image.results[1] in found.output and "0002" in found.output


def test_a_picture_that_breaks_meanwhile_is_told_to_who_serves(mos: Path) -> None:
    with serve(mos) as server:
        client = Client(server.port).begin()
        for picture in (mos / "pictures").rglob("*.png"):
            picture.write_bytes(picture.read_bytes()[:-1])
        told = client.ask("GET", "/trial").json()
        answer = client.ask("GET", told["slots"][0]["address"])
        assert answer.status == 503 and str(mos).encode() not in answer.body
        said = server.stop()
    assert ".png is damaged" in said


def test_ctrl_c_ends_a_server_in_its_own_words(mos: Path) -> None:
    with serve(mos) as server:
        Client(server.port).begin().vote(1, 4)
        with socket.create_connection(("127.0.0.1", server.port)) as knocking:
            knocking.sendall(b"no HTTP\r\n\r\n")
            knocking.recv(100)
        server.process.send_signal(signal.SIGINT)
        said = "".join(server.process.communicate(timeout=30))
        assert server.process.returncode == 130
    assert "study serve: 1 new vote in" in said and "stopped by SIGINT" in said
    assert "Traceback" not in said and "Invalid" not in said
    assert not (mos / ".lock").exists()


def test_a_killed_server_loses_no_vote_and_raters_go_on(pairs: Path) -> None:
    with serve(pairs) as server:
        clients = [Client(server.port).begin() for _ in range(4)]
        confirmed = [0] * 4

        def rate(place: int) -> None:
            told = clients[place].ask("GET", "/trial").json()
            while not told["done"]:
                told = clients[place].vote(told["number"], 1, 2).json()
                confirmed[place] = told["answered"]
                if sum(confirmed) > 12:
                    server.process.kill()

        threads = [threading.Thread(target=_until_gone, args=(rate, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.process.communicate()
    with Votes(pairs / "votes.db") as votes:
        for rater, least in zip(votes.raters(), confirmed, strict=True):
            assert least <= rater.answered <= least + 1
    with serve(pairs) as server:
        for client, least in zip(clients, confirmed, strict=True):
            client.port = server.port
            assert client.ask("GET", "/trial").json()["answered"] >= least
            client.rate(lambda told: [1, 2])
        said = server.stop()
    assert "of whom 4 came to the end" in said and "to go on" in said


def _until_gone(rate: object, place: int) -> None:
    try:
        rate(place)  # type: ignore[operator]
    except (OSError, ValueError, http.client.HTTPException):
        return


@pytest.mark.slow
def test_fifty_raters_of_a_thousand_images(tmp_path: Path) -> None:
    """All at once, each a part; every image and method is judged equally often."""
    root = write_results(tmp_path, 1000, size=(8, 8))
    study = make(root, "mos", per_rater=12, check_every=6)
    with serve(study) as server:
        errors: list[BaseException] = []

        def rate() -> None:
            try:
                assert Client(server.port).begin().rate(good) == 14
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=rate) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        server.stop()
    found = run("--report", tmp_path / "report.json", "study", "results", study)
    assert found.exit_code == 0, found.output
    facts = json.loads((tmp_path / "report.json").read_text())["facts"]
    scores = [fact for fact in facts if fact["kind"] == "score"]
    assert [sum(fact["counts"]) for fact in scores] == [300, 300]
