"""The signed programme from the centre's command to the till's panel, over a real line: taken, refused, and told back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.assembly import Agent
from agent.settings import CentralSettings, DoorsSettings, Settings, TillSettings
from agent.snapshot import Snapshot
from agent.sync.enrol import enrol
from central import schema
from central.app import build
from central.database import Database, open_database
from central.programme_keys import add_key, drop_key, ring_of
from central.programmes import set_programme
from central.serve import listening_socket, make_server
from central.tills import make_code

pytestmark = pytest.mark.net

PATIENCE_S = 20.0  # far longer than anything here takes; only a hang reaches it


def programme(version: int) -> bytes:
    return f'version = {version}\ntitle = "Club"\ncurrency = "RUB"\nzone = "Europe/Moscow"\n'.encode()


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """A real centre on loopback, and its address."""
    database = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    bound = listening_socket("127.0.0.1:0")
    ready = threading.Event()
    server = make_server(build(database), ready=ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]))
    thread.start()
    assert ready.wait(PATIENCE_S)
    yield database, f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(PATIENCE_S)
    bound.close()
    database.close()


def wait_for(agent: Agent, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    """The first snapshot that is as wanted."""
    seen = threading.Event()
    stop = agent.till.subscribe(lambda snapshot: seen.set() if wanted(snapshot) else None)
    try:
        if not wanted(agent.till.snapshot):
            assert seen.wait(PATIENCE_S), agent.till.snapshot
        return agent.till.snapshot
    finally:
        stop()


def set_version(database: Database, version: int) -> None:
    with database.write() as connection:
        set_programme(connection, programme(version), name="p", currency="RUB", now=datetime.now(UTC))


def test_from_the_centre_to_the_panel_and_back(centre: tuple[Database, str], tmp_path: Path) -> None:
    """Version 5 comes signed; after a rotation that this till slept through, 6 is refused and the centre learns why."""
    database, url = centre
    with database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=datetime.now(UTC))
        ring = ring_of(connection)
    set_version(database, 5)
    state = tmp_path / "state"
    identity = enrol(url, code, state)
    settings = Settings(
        till=TillSettings(state_folder=str(state)),
        doors=DoorsSettings(port=0),
        central=CentralSettings(poll_wait_s=1),
    )
    agent = Agent(settings)
    agent.start()
    try:
        good = wait_for(agent, lambda snapshot: snapshot.programme_version == 5)
    finally:
        agent.stop()
    with database.write() as connection:
        fresh = add_key(connection)
        old = next(name for name in _names(database) if name != fresh)
        drop_key(connection, old)
    set_version(database, 6)
    agent = Agent(settings)
    agent.start()
    try:
        bad = wait_for(agent, lambda snapshot: snapshot.programme_trouble != "" and snapshot.waiting == 0)
    finally:
        agent.stop()
    with database.read() as connection:
        kinds = connection.scalars(select(schema.envelope.c.kind)).all()

    assert ring == identity.programme_keys
    assert "" == good.programme_trouble
    assert (5, True) == (bad.programme_version, fresh in bad.programme_trouble)
    assert 1 == list(kinds).count("programme.refused")


def _names(database: Database) -> list[str]:
    from agent.signatures import fingerprint

    with database.read() as connection:
        return [fingerprint(one) for one in ring_of(connection).keys]
