"""A centre on a clock of our own, with a signing desk, and tills on a real loopback socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.releases.folder import ArchiveFolder
from tests.central.releases.desk import CheckingTill, Publisher, SigningDesk


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def desk(tmp_path: Path, clock: Hands) -> SigningDesk:
    return SigningDesk(tmp_path / "desk", clock.now)


@pytest.fixture
def publisher(database: Any, desk: SigningDesk, tmp_path: Path, clock: Hands) -> Publisher:
    return Publisher(database, desk, ArchiveFolder(tmp_path / "releases"), clock.now)


class ReleaseServer:
    """The real application on a real loopback socket, in a thread."""

    def __init__(self, app: Any) -> None:
        import threading

        from central.serve import listening_socket, make_server

        self.app = app
        self.socket = listening_socket("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        ready = threading.Event()
        self.server = make_server(app, ready=ready.set)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive()


@pytest.fixture
def release_server(publisher: Publisher, clock: Hands) -> Iterator[ReleaseServer]:
    from central.app import build

    made = ReleaseServer(build(publisher.database, now=clock, releases=publisher.folder.path, downloads_max=2))
    yield made
    made.stop()


@pytest.fixture
def web(release_server: ReleaseServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=release_server.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def till(web: httpx.Client, publisher: Publisher, words: Any) -> Callable[[str], CheckingTill]:
    """Enrols a till and gives it its client."""

    def made(name: str) -> CheckingTill:
        centre = words.Centre(publisher.database, publisher.now)
        return CheckingTill(web, name, centre.enrol(name).token)

    return made
