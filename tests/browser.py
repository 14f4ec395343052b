"""Chromium without a window, spoken to through a pipe by its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
)
_PATIENCE_S = 120.0


class Tab:
    """A page in the browser; what its console says is kept in ``told``."""

    def __init__(self, process: subprocess.Popen[bytes], out: int, into: int) -> None:
        self._process, self._out, self._into = process, out, into
        self._rest, self._number, self._session = b"", 0, ""
        self.told: list[str] = []
        self.requests: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(
        self, page: Path | str, *, width: int = 1200, height: int = 900, dark: bool = False
    ) -> None:
        """Show a file, or what an address has, in a window of this size."""
        self.told.clear()
        self.requests.clear()
        is_narrow = width < 600
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_narrow,
        )
        value = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self._call("Emulation.setEmulatedMedia", features=features)
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self._call("Page.navigate", url=address)
        self._wait("Page.loadEventFired")
        self.wait_until("document.readyState === 'complete'")  # it may have been the last page's

    def run(self, script: str) -> Any:
        """Return the value of an expression; an exception in it is one here."""
        done = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(json.dumps(done["exceptionDetails"])[:500])
        return done["result"].get("value")

    def click(self, selector: str, *, across: float = 0.5) -> None:
        """Click on an element as a mouse does, at a share of its width."""
        x, y = self._place(selector, across)
        for kind in ("mousePressed", "mouseReleased"):
            buttons = {"button": "left", "buttons": int(kind == "mousePressed"), "clickCount": 1}
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **buttons)

    def key(self, key: str, code: int, text: str = "") -> None:
        """Press a key of the keyboard."""
        held = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **held)
        self._call("Input.dispatchKeyEvent", type="keyUp", **held)

    def wait_until(self, condition: str) -> None:
        """Wait for an expression to become true, on this page or the next one."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            try:
                if self.run(condition):
                    return
            except AssertionError as error:  # between two pages
                if not any(word in str(error) for word in ("navigated", "context")):
                    raise
            time.sleep(0.02)
        raise AssertionError(f"never true: {condition}")

    def forget(self) -> None:
        """Forget all cookies."""
        self._call("Network.clearBrowserCookies")

    def drag(self, selector: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two places of an element."""
        left, top = self.run(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [b.left, b.top]; })()"
        )
        steps = [
            tuple(a + (b - a) * n / 4 for a, b in zip(begin, end, strict=True)) for n in range(5)
        ]
        kinds = ["mousePressed", *["mouseMoved"] * 4, "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*steps, end], strict=True):
            buttons = {"button": "left", "buttons": int(kind != "mouseReleased"), "clickCount": 1}
            self._call("Input.dispatchMouseEvent", type=kind, x=left + x, y=top + y, **buttons)

    def touch(self, *places: Sequence[tuple[float, float]]) -> None:
        """Put fingers down at the first places, move them over the others, and lift them."""
        fingers = [[{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(p)] for p in places]
        kinds = ["touchStart", *["touchMove"] * (len(places) - 1), "touchEnd"]
        for kind, touches in zip(kinds, [*fingers, []], strict=True):
            self._call("Input.dispatchTouchEvent", type=kind, touchPoints=touches)

    def type(self, text: str) -> None:
        """Write into what has the focus."""
        self._call("Input.insertText", text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Keep what is seen as PNG."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _place(self, selector: str, across: float) -> tuple[float, float]:
        quoted = json.dumps(selector)
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({quoted});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect();"
            f"return [b.left + {across} * b.width, b.top + b.height / 2]; }})()"
        )
        return x, y

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _wait(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            ready = select.select([self._out], [], [], max(until - time.monotonic(), 0))[0]
            if not ready or not (more := os.read(self._out, 1 << 20)):
                raise AssertionError("the browser says nothing any more")
            self._rest += more
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Log.entryAdded":
            self.told.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.told.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled":
            self.told.append(json.dumps(params["args"])[:500])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])


@contextlib.contextmanager
def open_tab(profile: Path) -> Iterator[Tab]:
    """Start a browser; without one the test is skipped."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser is here: none of {', '.join(_NAMES)} (Debian's package: chromium)")
    from_us, into = os.pipe()
    out, to_us = os.pipe()

    def as_3_and_4() -> None:
        # At free numbers above both first, so that none is closed by another's coming.
        taken, given = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 5) for end in (from_us, to_us))
        os.dup2(taken, 3)
        os.dup2(given, 4)

    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=as_3_and_4,
        start_new_session=True,
    )
    os.close(from_us)
    os.close(to_us)
    try:
        yield Tab(process, out, into)
    finally:
        os.close(into)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(out)
