"""The live stream of the panel (server-sent events): the snapshot at connect and after each change, the latest only.

A slow reader misses intermediate snapshots, never the newest one; nothing queues up for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.doors.problems import DoorRefused
from agent.doors.view import panel_view
from agent.snapshot import Snapshot, TillDesk
from drivers.vocabulary import codec

__all__ = ["Streams"]

STREAMS_MAX: Final = 8  # a browser opens six connections to one place at most; a till has one panel
EVENT_GAP_S: Final = 0.05  # twenty screens a second is more than anybody sees


class Streams:
    """Every open stream; used on the event loop, except `close`.

    Args:
        view: what of a snapshot is sent; a single change that does not show in it is not told.
        hello: the first event of each stream: which page files belong to this agent.
        heartbeat_s: after so much silence a comment is sent, so that a dead connection is noticed.
    """

    def __init__(
        self,
        desk: TillDesk,
        *,
        hello: bytes,
        heartbeat_s: float,
        view: Callable[[Snapshot], Any] = panel_view,
    ) -> None:
        self._desk = desk
        self._view = view
        self._hello = hello
        self._heartbeat_s = heartbeat_s
        self._wakers: set[Callable[[], None]] = set()
        self._is_closing = False

    def close(self) -> None:
        """End every stream, so that the server can stop; may be called from any thread."""
        self._is_closing = True
        for wake in tuple(self._wakers):
            wake()

    def open(self) -> ASGIApp:
        """A new stream, as an ASGI answer; raises DoorRefused when there are too many."""
        if len(self._wakers) >= STREAMS_MAX or self._is_closing:
            raise DoorRefused(503, "too_many_streams", "the panel is open too often: close the other windows")
        return self._answer

    async def _answer(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader goes or the doors close."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake(_: Snapshot | None = None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to be told
                loop.call_soon_threadsafe(changed.set)

        unsubscribe = self._desk.subscribe(wake)
        self._wakers.add(wake)
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: changed.set())
        try:
            await self._send_until(send, changed, gone)
        finally:
            self._wakers.discard(wake)
            unsubscribe()
            gone.cancel()

    async def _send_until(self, send: Send, changed: asyncio.Event, gone: asyncio.Future[None]) -> None:
        await _chunk(send, b"event: hello\ndata: " + self._hello + b"\n\n")
        sent = -1
        told: Any = None
        while not (gone.done() or self._is_closing):
            changed.clear()
            snapshot = self._desk.snapshot
            if snapshot.version != sent:
                is_missed, sent = snapshot.version > sent + 1, snapshot.version
                shown = self._view(snapshot)
                # The page may have seen what was missed here, as the answer to its own call: say what is true now.
                if told is None or is_missed or replace(shown, version=told.version) != told:
                    told = shown
                    await _chunk(send, b"event: snapshot\ndata: " + codec.encode(shown) + b"\n\n")
                await asyncio.sleep(EVENT_GAP_S)
                continue
            try:
                await asyncio.wait_for(changed.wait(), self._heartbeat_s)
            except TimeoutError:
                await _chunk(send, b": beat\n\n")
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _chunk(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
