"""The guard's parts that time decides."""

from __future__ import annotations

import asyncio

from pipelines.study.guard import Buckets, Guard, Message, cookies_of, field_of, keyed


def test_buckets_give_a_burst_then_a_rate_to_each() -> None:
    now = [0.0]
    buckets = Buckets(3, 2, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b"), "others have their own"
    now[0] = 0.5
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


def test_buckets_of_who_keeps_asking_fill_again() -> None:
    """Being refused costs nothing, or a browser that tries again would wait for ever."""
    now = [0.0]
    buckets = Buckets(1, 1, clock=lambda: now[0])
    got = 0
    for step in range(101):
        now[0] = step / 10
        got += buckets.take("a")
    assert got in (10, 11)


def test_cookies_of_takes_any_form() -> None:
    headers = [(b"cookie", b'a=1; b={"c"; d=e=f'), (b"cookie", b"g=\xff"), (b"other", b"x=1")]
    assert cookies_of(headers) == {"a": "1", "b": '{"c"', "d": "e=f", "g": "\xff"}


def test_field_of_reads_forms_and_nothing_else() -> None:
    assert field_of(b"csrf=ab&x=1", "csrf") == "ab"
    assert field_of(b"&".join([b"a=1"] * 99), "a") == "" == field_of(b"\xff\xfe", "a")


def test_keyed_depends_on_each_part_and_where_it_ends() -> None:
    made = {keyed("k", "ab", "c"), keyed("k", "a", "bc"), keyed("l", "ab", "c"), keyed("k", "abc")}
    assert len(made) == 4 and all(len(each) == 32 for each in made)


def test_the_right_link_is_no_guess() -> None:
    """Raters behind one address all open it, and somebody's wrong ones keep nobody out."""

    async def nothing(*_asked: object) -> None:
        raise AssertionError("nobody has the cookie")

    def status(token: str) -> int:
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            said.append(message)

        scope = {
            "type": "http", "method": "GET", "path": "/", "client": ("1.2.3.4", 5),
            "headers": [(b"host", b"127.0.0.1")], "query_string": f"token={token}".encode(),
        }  # fmt: skip
        asyncio.run(guard(scope, receive, send))
        return int(said[0]["status"])

    guard = Guard(nothing, hosts=(), token="t" * 24)
    assert [status("t" * 24) for _ in range(30)] == [303] * 30
    codes = [status("x" * 24) for _ in range(30)]
    assert codes[:20] == [401] * 20 and 429 in codes
    assert status("t" * 24) == 303
