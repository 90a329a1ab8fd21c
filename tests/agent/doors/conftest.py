"""What the tests of the doors share: a till in memory, secrets on disk, and one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.doors.app import DoorApp, build
from agent.doors.keys import DoorSecrets
from agent.doors.pins import Pins
from agent.doors.server import DoorServer
from tests.agent.doors.memory_desk import MemoryDesk, TestClock

BASE = "http://127.0.0.1:8765"


class Doors:
    """The application with everything behind it, asked without a socket."""

    def __init__(self, folder: Path) -> None:
        self.desk = MemoryDesk()
        self.clock = TestClock()
        self.folder = folder
        self.secrets = DoorSecrets.load_or_create(folder, self.clock)
        self.pins = Pins(folder, self.clock)
        self.app = self.build()

    def build(self, **settings: Any) -> DoorApp:
        given: dict[str, Any] = {"language": "ru", "region": "RU", "answer_timeout_s": 2.0} | settings
        self.app = build(self.desk, secrets=self.secrets, clock=self.clock, pins=self.pins, **given)
        return self.app

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """One request, exactly with these headers besides Host and the length."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, headers=headers, **rest)

        return asyncio.run(once())

    def pos(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """A call as a POS makes it."""
        return self.ask(
            "POST", path, json=body, headers={"authorization": f"Bearer {self.secrets.api_token}"} | headers
        )

    @property
    def cookie(self) -> str:
        return f"tillpoint_8765={self.secrets.new_session()}"

    def panel(self, path: str, body: Any, cookie: str = "", **headers: str) -> httpx.Response:
        """A call as the panel makes it."""
        given = {"cookie": cookie or self.cookie, "origin": BASE, "x-tillpoint": "1", "sec-fetch-site": "same-origin"}
        return self.ask("POST", path, json=body, headers=given | headers)


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path / "state")


@pytest.fixture
def serve(doors: Doors) -> Iterator[Callable[..., DoorServer]]:
    """Starts real servers on free ports; every one is stopped at the end."""
    running: list[DoorServer] = []

    def start(**settings: Any) -> DoorServer:
        server = DoorServer(doors.build(**settings), port=0)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
