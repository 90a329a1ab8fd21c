"""The real centre on a loopback port, with a signing desk beside it: what signs, keeps and offers releases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from agent.signatures import public_text_of
from central.app import build
from central.database import Database, open_database
from central.releases import arranging, register, signing
from central.releases.folder import ArchiveFolder
from central.releases.trust import trust
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.vocabulary import codec

__all__ = ["Centre"]


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

    def code(self, till: str) -> str:
        """With which a till makes itself known."""
        with self.database.write() as connection:
            return make_code(connection, shop="s1", till=till, now=datetime.now(UTC))

    def signed(self, archive: Path) -> bytes:
        """The release of one archive."""
        return codec.encode(signing.sign_archives(self.folder / "season.key", [archive], now=self.now))

    def publish(self, archive: Path) -> None:
        """Signed, kept, given to the first ring."""
        version, _, payload = signing.read_archive(archive)
        self.archives.copy(archive, payload.sha256, size=payload.size)
        with self.database.write() as connection:
            register.add(connection, self.signed(archive), folder=self.archives, by="test", now=self.now)
            register.start(connection, version, by="test", now=self.now)

    def stop_release(self, version: str) -> None:
        with self.database.write() as connection:
            register.stop(connection, version, why="a test", by="test", now=self.now)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()
        self.database.close()
