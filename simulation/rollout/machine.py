"""One till's machine: versions on a real disk, the real updater and its real turn, a double of agent and services.

The double starts whatever the pointer names and is as ill as that version's own files say. Time is invented: a watch of
ten minutes costs nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from agent.settings import Settings, TillSettings, UpdatesSettings
from agent.sync.client import CentreClient, Vitals
from agent.sync.identity import Identity
from agent.sync.line import Line
from agent.sync.update_line import UpdateLine
from agent.updating.places import has_work
from agent.updating.plan import Moment
from agent.updating.shelf import Shelf
from agent.updating.trust import trust_of
from agent.updating.turn import UpdateTurn
from agent.updating.updater import Updater
from agent.updating.watch import Look
from central.conformance.goods import sold
from drivers.vocabulary import codec
from drivers.vocabulary.fleet import DeviceFact, TillReport
from drivers.vocabulary.release import ReleaseRefused
from drivers.vocabulary.updates import Package
from offline_queue.envelope import GENESIS, Envelope, chain_hash
from simulation.rollout.archives import PLATFORM, files_of, ill_of

__all__ = ["Machine", "World"]

RUNS_MAX: Final = 6  # of the updater in one visit: ready, switched, told
WATCH_S: Final = 600


@dataclass(slots=True)
class World:
    """What all machines share: the centre's address, the key they trust, the time."""

    url: str
    root: str
    now: datetime
    began: datetime
    #: One for all: making one reads the machine's authorities, and the line is plain anyway.
    tls: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Machine:
    """See the file.

    Args:
        world: shared by all.
        folder: an empty one of its own.
        identity: as the centre gave it.
        version: what it runs at first.
    """

    def __init__(self, world: World, folder: Path, identity: Identity, version: str) -> None:
        self.name = identity.till
        self.is_on = True
        self.receipts = 0
        self.switches: list[str] = []
        self._world = world
        self._identity = identity
        self._spent_s = 0.0  # by the updater, beyond the world's time
        self._pid = 0
        self._started = 0
        self._process: Path | None = None
        self._head = GENESIS
        (folder / "state").mkdir(parents=True)
        self._config = folder / "config.toml"
        self._config.write_text("", "utf-8")
        self._settings = Settings(
            till=TillSettings(state_folder=str(folder / "state")),
            updates=UpdatesSettings(
                versions_folder=str(folder / "versions"), root_keys=(world.root,), rate_kib_s=0, watch_s=WATCH_S
            ),
        )
        self._updater = Updater(
            self._settings,
            self._config,
            manager=self,
            look=self.look,
            platform=PLATFORM,
            run=self._rehearse,
            sleep=self._sleep,
            monotonic=self._uptime_s,
            look_s=60.0,
        )
        self._install(version)
        self.start()
        self._turn = self._new_turn()

    # ── Its life ────────────────────────────────────────────────────────────────────────────────

    def visit(self) -> None:
        """Whatever the agent and the updater have to do by now."""
        self._spent_s = 0.0
        for _ in range(RUNS_MAX):
            starts = self._started
            self._turn.tick()
            if not has_work(self._updater.places):
                return
            before = self.version
            self._updater.apply()
            if self._started != starts:
                # Another process: it knows nothing of what the one before was waiting for.
                self.switches.append(f"{before} to {self.version}")
                self._turn = self._new_turn()

    def sell(self) -> bool:
        """One receipt of nobody, to the centre; False when the agent does not run."""
        if self.look().state != "running":
            return False
        values: dict[str, Any] = {
            "id": str(uuid4()),
            "epoch": self._identity.epoch,
            "sequence": self.receipts + 1,
            "kind": "receipt.confirmed",
            "occurred_at": self._now().isoformat(timespec="milliseconds"),
            "boot_id": "rollout",
            "uptime_ms": int(self._uptime_s() * 1000),
            "programme_version": 0,
        }
        body = codec.encode(sold(None, currency=self._identity.currency))
        digest = chain_hash(self._head, **values, body=body)
        client = self._client()
        try:
            client.upload([Envelope(previous=self._head, hash=digest, body=body, **values)])
            devices = tuple(DeviceFact(name=name, driver="escpos", state="on") for name in ("printer", "scanner"))
            client.report(TillReport(version=self.version, platform=PLATFORM, devices=devices))
        finally:
            client.close()
        self._head, self.receipts = digest, self.receipts + 1
        return True

    @property
    def version(self) -> str:
        """The version whose process runs; "" for none."""
        return self._process.name if self._process is not None else ""

    # ── Its service manager (agent.updating.manager.Manager) ────────────────────────────────────

    def stop(self) -> None:
        """As the contract says."""
        self._process = None

    def start(self) -> None:
        """The launcher: what the pointer names."""
        if self._process is None:
            found = Shelf(self._updater.places).current()
            self._process = found.path if found is not None else None
            self._pid += 1
            self._started += 1

    def is_running(self) -> bool:
        """As the contract says."""
        return self._process is not None

    def log_since(self, moment: datetime) -> str:
        """As the contract says."""
        return f"what {self.version} said since {moment:%H:%M}"

    def look(self) -> Look:
        """What the agent would answer from outside."""
        if self._process is None or (ill := ill_of(self._process)) == "start":
            return Look(state="stopped", why="it has not said that it runs")
        printer = {"name": "printer", "state": "failed" if ill == "driver" else "on", "detail": "no such symbol"}
        devices = [printer, {"name": "scanner", "state": "on", "detail": ""}]
        status = {"screen": "idle", "devices": devices, "notice": ""}
        return Look(state="running", pid=self._pid, version=self.version, status=status)

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def moment(self, now: datetime) -> Moment:
        """How the till is used (agent.updating.turn.Usage): nobody is at it when the shop is closed."""
        return Moment(
            now=now, busy="", quiet_s=7_200, since_receipt_s=7_200, shift_ended=True, uptime_s=self._uptime_s()
        )

    def _new_turn(self) -> UpdateTurn:
        return UpdateTurn(
            settings=self._settings.updates,
            places=self._updater.places,
            trust=trust_of(self._settings.updates),
            connect=lambda: UpdateLine(self._line(), self._identity, version=self.version),
            usage=self,
            running=self.version,
            platform=PLATFORM,
            schema=1,
            zone_now=self._now,
            uptime_s=self._uptime_s,
            package=Package.ARCHIVE,
            first_s=0.0,
        )

    def _line(self) -> Line:
        return Line(self._identity.url, tls=self._world.tls, now=self._now)

    def _client(self) -> CentreClient:
        return CentreClient(
            self._line(), self._identity, version=self.version, vitals=lambda: Vitals(queue_depth=0), now=self._now
        )

    def _install(self, version: str) -> None:
        """As the package brought it."""
        places = self._updater.places
        folder = places.versions / version
        folder.mkdir(parents=True)
        for name, data in files_of(version).items():
            (folder / name).write_bytes(data)
        Shelf(places).point(places.current, folder)

    def _rehearse(self, folder: Path, words: Sequence[str], **_: Any) -> dict[str, Any]:
        """What the version would print in a process of its own."""
        if words[1] != "rehearse":
            return {"kept": True, "copied": True, "put_back": True}
        if ill_of(folder) == "rehearsal":
            raise ReleaseRefused("rehearsal", f"version {folder.name} failed in the rehearsal: no such table")
        return {"version": folder.name, "schema": 1, "troubles": []}

    def _now(self) -> datetime:
        return (self._world.now + timedelta(seconds=self._spent_s)).astimezone(UTC)

    def _uptime_s(self) -> float:
        return (self._world.now - self._world.began).total_seconds() + self._spent_s

    def _sleep(self, seconds: float) -> None:
        self._spent_s += seconds
