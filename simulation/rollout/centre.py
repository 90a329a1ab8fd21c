"""The centre of the roll-out: our own server on a loopback socket and an invented clock, and the desk that signs."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.sync.enrol import enrol
from central.app import build
from central.chores import Chores
from central.database import Database, open_database
from central.releases import arranging, register, signing
from central.releases.folder import ArchiveFolder
from central.releases.progress import ReleaseProgress, progress
from central.releases.trust import trust
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError
from simulation.rollout.archives import Ill, make_archive
from simulation.rollout.machine import Machine, World

if TYPE_CHECKING:
    import socket

    import uvicorn

__all__ = ["RolloutCentre"]

READY_S: Final = 30.0
BY: Final = "simulation"


class RolloutCentre:
    """See the file.

    Args:
        folder: where its files go.
        now: when the story begins.
        closed: when every shop is closed, in UTC.
        check_every_s: how often tills ask.
    """

    def __init__(self, folder: Path, now: datetime, *, closed: str, check_every_s: int) -> None:
        self._closed = closed
        self._check_every_s = check_every_s
        self.world = World(url="", root="", now=now, began=now)
        self._folder = folder
        self._desk = folder / "desk"
        self._archives = ArchiveFolder(folder / "releases")
        self._database: Database | None = None
        self._chores: Chores | None = None
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def database(self) -> Database:
        """Open between `open` and `close`."""
        if self._database is None:
            raise TillpointError("the centre of the simulation is not open")
        return self._database

    def open(self) -> None:
        """Make keys, start the server."""
        self._desk.mkdir(parents=True)
        signing.make_root(self._desk / "root")
        signing.make_signing_key(self._desk / "root.key", self._desk / "season", days=90, now=self.world.now)
        self.world.root = signing.public_of(self._desk / "root.pub")
        self._database = database = open_database(f"sqlite:///{self._folder / 'central.db'}")
        self._chores = Chores(database, lambda: self.world.now)
        with database.write() as connection:
            trust(connection, self.world.root)
            arranging.set_hours(connection, arranging.EVERY_SHOP, self._closed, "UTC", by=BY, now=self.world.now)
        self._socket = listening_socket("127.0.0.1:0")
        self.world.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = build(
            database, now=lambda: self.world.now, releases=self._archives.path, check_every_s=self._check_every_s
        )
        ready = threading.Event()
        self._server = server = make_server(app, ready=ready.set)
        bound = self._socket
        self._thread = threading.Thread(target=lambda: server.run(sockets=[bound]), name="centre", daemon=True)
        self._thread.start()
        if not ready.wait(READY_S):
            raise TillpointError("the centre of the simulation did not start")

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(READY_S)
        if self._socket is not None:
            self._socket.close()
        if self._database is not None:
            self._database.close()

    def enrol(self, till: str, version: str) -> Machine:
        """A new till with a machine of its own."""
        folder = self._folder / "tills" / till
        (folder / "identity").mkdir(parents=True)
        with self.database.write() as connection:
            code = make_code(connection, shop=f"shop-{till[-1]}", till=till, now=self.world.now)
        identity = enrol(self.world.url, code, folder / "identity", tls=self.world.tls)
        # Its key stays unused here: batches are judged by others, and signing each would only cost time.
        return Machine(self.world, folder / "machine", identity, version)

    def ring(self, name: str, *, healthy: int, hours: float, tills: list[str], failures: int = 0) -> None:
        """A ring behind the others, with these tills put in by hand."""
        values = {"healthy_min": healthy, "soak_minutes": round(hours * 60), "failures_max": failures}
        with self.database.write() as connection:
            arranging.set_ring(connection, name, values, by=BY, now=self.world.now)
            for till in tills:
                arranging.put(connection, "till", till, name, by=BY, now=self.world.now)

    def release(self, version: str, ill: Ill = "") -> None:
        """Sign, add and start a version."""
        zipped = make_archive(self._desk, version, ill)
        signed = signing.sign_archives(self._desk / "season.key", [zipped], now=self.world.now)
        _, _, payload = signing.read_archive(zipped)
        self._archives.copy(zipped, payload.sha256, size=payload.size)
        with self.database.write() as connection:
            register.add(connection, codec.encode(signed), folder=self._archives, by=BY, now=self.world.now)
            register.start(connection, version, by=BY, now=self.world.now)

    def withdraw(self, version: str, why: str) -> None:
        """For good."""
        with self.database.write() as connection:
            register.withdraw(connection, version, why=why, by=BY, now=self.world.now)

    def pass_time(self, span: timedelta) -> None:
        """Later; what the centre does by itself each minute is done once."""
        self.world.now += span
        if self._chores is not None:
            self._chores.open_rings()

    def progress(self, version: str) -> ReleaseProgress:
        """How far a release is."""
        return self.database.reading(lambda connection: progress(connection, version, now=self.world.now))
