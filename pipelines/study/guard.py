"""What is asked of every request before a page sees it: its host, origin, size, rate and token."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

__all__ = [
    "App",
    "Buckets",
    "Guard",
    "cookie_header",
    "cookies_of",
    "field_of",
    "keyed",
]

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
"""As ASGI 3 has it."""

_RESUME = "/resume/"

_MOST_BODY = 4096
_MOST_KNOWN = 20_000
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}


def keyed(key: str, *parts: str) -> str:
    """Return what only who has the key can make of these parts, as 32 hex digits."""
    return hmac.new(key.encode(), "\0".join(parts).encode(), "sha256").hexdigest()[:32]


def cookies_of(headers: Collection[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the cookies of a request by name."""
    # Those of other programs at this machine come too, and may be of any form.
    text = ";".join(value.decode("latin-1") for key, value in headers if key == b"cookie")
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def cookie_header(name: str, value: str) -> str:
    """Return a cookie for this site alone, which scripts cannot read, kept for 90 days."""
    return f"{name}={value}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"


class Buckets:
    """How much each of many may do: so much at once, and so much a second.

    Parameters
    ----------
    burst, rate : float
    clock : callable
        Returns seconds.
    """

    def __init__(
        self, burst: float, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._rate, self._clock = burst, rate, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> bool:
        """Take one of what somebody may do; False where nothing is left."""
        now = self._clock()
        left, since = self._left.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        self._left[who] = (max(left - 1, 0.0) if left >= 1 else left, now)
        while len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return left >= 1


class Guard:
    """An ASGI application around another one.

    It refuses hosts by other names (400), methods other than GET, HEAD and POST (405), posts from
    other sites (403), bodies of more than 4 KiB (413) or that do not come (408), whoever asks too
    much (429), and who has not the token (401); the token in an address becomes a cookie, and so
    does a rater's own link that the application knows (303). All answers forbid the browser to
    load anything from elsewhere.

    Parameters
    ----------
    app : App
    hosts : collection of str
        Names by which the server may be called, besides addresses in numbers.
    token : str
        Empty: none is asked for.
    asks : Buckets or None
        By rater and address; None: the usual.
    patience_s : float
        Seconds within which a body must have come.
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Collection[str],
        token: str = "",
        asks: Buckets | None = None,
        patience_s: float = 10.0,
    ) -> None:
        self._app, self._token, self._patience_s = app, token, patience_s
        # Cookies are the same at all ports of a host: another study's has another name.
        self._cookie = f"study_access_{keyed(token, 'name')[:8]}"
        self._access = keyed(token, "access")
        self._hosts = {host.lower() for host in hosts}
        self._asks = asks or Buckets(200, 40)
        self._address_asks = Buckets(4000, 800)
        self._guesses = Buckets(20, 0.2)
        self._begins = Buckets(100, 0.5)

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            return

        def is_resumed(status: int) -> bool:
            return status == 303 and scope["path"].startswith(_RESUME)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(k.encode(), v.encode()) for k, v in _HEADERS.items()]
                if self._token and is_resumed(message["status"]):
                    ours.append((b"set-cookie", self._access_cookie().encode()))
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        refusal = self._refusal(scope)
        body: bytes | None = b""
        if not refusal:
            try:
                body = await asyncio.wait_for(_body(scope, receive), self._patience_s)
            except TimeoutError:
                refusal = 408, "this did not come in time", ""
        if body is None:
            refusal = 413, "this is too much to send", ""
        if refusal:
            await _answer(with_headers, *refusal)
            return
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, with_headers)

    def _refusal(self, scope: Message) -> tuple[int, str, str] | None:
        """Return status, words and an address or cookie to go on with; None: it may pass."""
        headers = scope["headers"]
        host = _one(headers, b"host")
        who = (scope.get("client") or ("",))[0]
        if not self._is_ours(host):
            return 400, "this server is not called by that name", ""
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "this cannot be done here", ""
        if scope["method"] == "POST" and not _is_same_site(headers, host):
            return 403, "this was sent from another page", ""
        cookies = cookies_of(headers)
        own = sorted(
            value[:64] for name, value in cookies.items() if name.startswith("study_rater")
        )
        name = f"{who} {' '.join(own[:4])}"
        if not (self._address_asks.take(who) and self._asks.take(name)):
            return 429, "too much was asked for at once; wait a little", ""
        refusal = self._token_refusal(scope, cookies, who) if self._token else None
        if refusal is None and scope["path"] == "/begin" and not self._begins.take(who):
            return 429, "many have begun just now; wait a little", ""
        return refusal

    def _token_refusal(
        self, scope: Message, cookies: dict[str, str], who: str
    ) -> tuple[int, str, str] | None:
        if hmac.compare_digest(cookies.get(self._cookie, "").encode(), self._access.encode()):
            return None
        if scope["path"].startswith(_RESUME) and scope["method"] == "GET":
            return None  # a rater's secret is worth as much; the application knows it or not
        given = field_of(scope.get("query_string", b""), "token")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return 303, "", self._access_cookie()
        if given and not self._guesses.take(who):
            return 429, "too many wrong links; wait a little", ""
        return 401, "open the whole link that you were sent", ""

    def _access_cookie(self) -> str:
        return cookie_header(self._cookie, self._access)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            _ = urlsplit(f"//{host}").port
        except ValueError:
            return False
        if name.lower() in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def field_of(form: bytes, name: str) -> str:
    """Return a field of a form or of a query; empty where there is none, or nothing to read."""
    try:
        return parse_qs(form.decode("latin-1"), max_num_fields=8).get(name, [""])[0]
    except ValueError:
        return ""


def _one(headers: Collection[tuple[bytes, bytes]], name: bytes) -> str:
    """Return a header that there is once; empty otherwise."""
    found = [value for key, value in headers if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _is_same_site(headers: Collection[tuple[bytes, bytes]], host: str) -> bool:
    """Tell whether a post comes from a page of this server."""
    if _one(headers, b"sec-fetch-site") not in ("", "same-origin"):
        return False
    try:
        origin = urlsplit(_one(headers, b"origin"))
    except ValueError:
        return False
    return origin.scheme in ("http", "https") and origin.netloc.lower() == host.lower()


async def _body(scope: Message, receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """Return the body of a request; None when it is too large."""
    length = _one(scope["headers"], b"content-length")
    if length and (not length.isdigit() or int(length) > _MOST_BODY):
        return None
    parts = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":  # whoever asked is gone
            return None
        parts += bytes(message.get("body", b""))
        if len(parts) > _MOST_BODY:
            return None
        if not message.get("more_body", False):
            return parts


async def _answer(
    send: Callable[[Message], Awaitable[None]], status: int, words: str, cookie: str
) -> None:
    body = f"{words[:1].upper()}{words[1:]}.\n".encode() if words else b""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if cookie:
        headers += [(b"set-cookie", cookie.encode()), (b"location", b"/")]
    if status in (408, 413):  # what else was to come is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
