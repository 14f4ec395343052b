"""Connections that end when a request does not come, or when nobody reads the response."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["patient_protocol"]

_TO_READ = 6
"""So many times longer: kernels take more of a response in large steps, on slow lines seldom."""


def patient_protocol(seconds: float) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, which waits so long for the head of each request.

    By itself it waits for ever for one of which a part has come, or nothing yet, and for somebody
    who takes nothing of a response; many such connections keep everybody out. Bodies are the
    guard's.

    Parameters
    ----------
    seconds : float
        For a head. For six times as long a response may stay as it is.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PatientProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _reader: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()
            self._watch_reader()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch_reader()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            self._forget_reader()
            super().connection_lost(exc)

        def _watch(self) -> None:
            """Wait for a head from when the one before was answered, however much has come."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.close)

        def _forget(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _watch_reader(self) -> None:
            """Wait for what has been written to be taken, a part at a time."""
            self._forget_reader()
            left = self.transport.get_write_buffer_size()
            if left:
                self._reader = self.loop.call_later(_TO_READ * seconds, self._require_less, left)

        def _require_less(self, before: int) -> None:
            if self.transport.get_write_buffer_size() < before:
                self._watch_reader()
            else:
                self.transport.abort()  # to close it would be to wait

        def _forget_reader(self) -> None:
            if self._reader is not None:
                self._reader.cancel()
                self._reader = None

    return PatientProtocol
