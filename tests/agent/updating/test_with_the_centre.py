"""The agent's side against the real centre over a real socket: offered, fetched, wished for, told, and stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from update_rig import Machine, archive_of, files_of

from agent.signatures import public_text_of
from agent.sync.enrol import enrol
from agent.sync.identity import Identity
from agent.sync.line import Line
from agent.sync.update_line import UpdateLine
from agent.updating.plan import Moment
from agent.updating.records import Wish, read
from agent.updating.trust import Trust
from agent.updating.turn import UpdateTurn
from central.app import build
from central.database import Database, open_database
from central.releases import arranging, register, signing
from central.releases.folder import ArchiveFolder
from central.releases.trust import trust
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.vocabulary import codec

pytestmark = pytest.mark.net

PLATFORM = "linux-x86_64-cp311"


class Centre:
    """The real application on a loopback port, with a signing desk beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime.now(UTC)
        self.database: Database = open_database(f"sqlite:///{folder / 'centre.db'}")
        self.archives = ArchiveFolder(folder / "releases")
        signing.make_root(folder / "root")
        signing.make_signing_key(folder / "root.key", folder / "season", days=30, now=self.now)
        self.root = public_text_of(folder / "root.pub")
        with self.database.write() as connection:
            trust(connection, self.root)
            arranging.set_ring(connection, "all", {}, by="test", now=self.now)
        self.socket = listening_socket("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        ready = threading.Event()
        self.server = make_server(
            build(self.database, now=lambda: self.now, releases=self.archives.path), ready=ready.set
        )
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        assert ready.wait(20)

    def publish(self, version: str) -> None:
        """Signed, kept, given to the first ring."""
        path = self.folder / f"tillpoint-{version}-{PLATFORM}.zip"
        path.write_bytes(archive_of({**files_of(version), "filling": bytes(range(256)) * 3_000}))
        signed = codec.encode(signing.sign_archives(self.folder / "season.key", [path], now=self.now))
        _, _, payload = signing.read_archive(path)
        self.archives.copy(path, payload.sha256, size=payload.size)
        with self.database.write() as connection:
            register.add(connection, signed, folder=self.archives, by="test", now=self.now)
            register.start(connection, version, by="test", now=self.now)

    def stop_release(self, version: str) -> None:
        with self.database.write() as connection:
            register.stop(connection, version, why="a test", by="test", now=self.now)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()
        self.database.close()


class Quiet:
    """Nobody is at the till."""

    def moment(self, now: datetime) -> Moment:
        return Moment(now=now, busy="", quiet_s=9e4, since_receipt_s=9e4, shift_ended=True, uptime_s=9e4)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    (tmp_path / "centre").mkdir()
    one = Centre(tmp_path / "centre")
    yield one
    one.close()


@pytest.fixture
def identity(centre: Centre, tmp_path: Path) -> Identity:
    with centre.database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=datetime.now(UTC))
    (tmp_path / "enrolled").mkdir()
    made: Any = enrol(centre.url, code, folder=tmp_path / "enrolled")
    return made


def turn_of(machine: Machine, centre: Centre, identity: Identity, clock: list[float]) -> UpdateTurn:
    """The thread's work, on a clock of ours."""
    return UpdateTurn(
        settings=machine.settings.updates,
        places=machine.places,
        trust=Trust(roots=(centre.root,)),
        connect=lambda: UpdateLine(Line(centre.url), identity, version="1.0.0"),
        usage=Quiet(),
        running="1.0.0",
        platform=PLATFORM,
        schema=1,
        zone_now=lambda: datetime.now(UTC) + timedelta(seconds=clock[0]),
        uptime_s=lambda: clock[0],
        first_s=0.0,
    )


def test_offered_fetched_and_stopped_in_time(machine: Machine, centre: Centre, identity: Identity) -> None:
    """What the centre signed lies in the inbox byte for byte; a release that is stopped is taken out of it again."""
    clock = [0.0]
    turn = turn_of(machine, centre, identity, clock)
    turn.tick()
    assert turn.offer is None
    centre.publish("1.1.0")
    clock[0] += 100_000
    centre.now += timedelta(minutes=1)
    turn.tick()

    assert not turn.waiting
    wish = read(machine.places.wish, Wish)
    assert wish is not None
    assert ("1.1.0", False) == (wish.version, wish.switch)
    whole = (centre.folder / f"tillpoint-1.1.0-{PLATFORM}.zip").read_bytes()
    assert [whole] == [one.read_bytes() for one in machine.places.inbox.glob("*.zip")]
    centre.stop_release("1.1.0")
    clock[0] += 100_000
    centre.now += timedelta(minutes=1)
    turn.tick()
    assert turn.offer is None
    assert not list(machine.places.inbox.glob("*.zip"))
