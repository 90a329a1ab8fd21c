"""A desk that signs releases of small invented archives, and tills that check for them over real HTTP."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from central.database import Database
from central.releases import arranging, register, signing
from central.releases.folder import ArchiveFolder
from central.releases.trust import trust
from drivers.vocabulary import codec
from drivers.vocabulary.release import Manifest
from drivers.vocabulary.updates import LastTry, TryOutcome, UpdateCheck, UpdateOffer, UpdateState

LINUX = "linux-x86_64-cp311"
BY = "test"


def archive(folder: Path, version: str, *, platform: str = LINUX, schema: int = 1, filling: int = 0) -> Path:
    """A small archive as the build makes them; `filling` bytes make it larger."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"tillpoint-{version}-{platform}.zip"
    facts = {"version": version, "platform": platform, "schema": schema, "readable_from": 1, "files": {}}
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("release.json", json.dumps(facts))
        made.writestr("start.py", f"print({version!r})\n")
        if filling:
            made.writestr("filling", bytes(range(250)) * (filling // 250))
    return path


@dataclass
class SigningDesk:
    """Keys in a folder, and what was signed with them."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        signing.make_root(self.folder / "root")
        signing.make_signing_key(self.folder / "root.key", self.folder / "season", days=90, now=self.now)

    @property
    def root(self) -> str:
        return signing.public_of(self.folder / "root.pub")

    def sign(self, *archives: Path, **more: Any) -> bytes:
        key = self.folder / "season.key"
        return codec.encode(signing.sign_archives(key, archives, now=self.now, **more))


@dataclass
class Publisher:
    """A centre's register with the desk's root trusted."""

    database: Database
    desk: SigningDesk
    folder: ArchiveFolder
    now: datetime

    def __post_init__(self) -> None:
        with self.database.write() as connection:
            trust(connection, self.desk.root)

    def add(self, version: str, *, archives: list[Path] | None = None, **more: Any) -> Manifest:
        files = archives or [archive(self.desk.folder, version, filling=more.pop("filling", 0))]
        signed = self.desk.sign(*files, **more)
        for path in files:
            _, _, payload = signing.read_archive(path)
            self.folder.copy(path, payload.sha256, size=payload.size)
        with self.database.write() as connection:
            return register.add(connection, signed, folder=self.folder, by=BY, now=self.now)

    def ring(self, name: str, **values: int) -> None:
        with self.database.write() as connection:
            arranging.set_ring(connection, name, values, by=BY, now=self.now)

    def start(self, version: str) -> str:
        with self.database.write() as connection:
            return register.start(connection, version, by=BY, now=self.now)

    def state(self, version: str) -> tuple[str, str]:
        with self.database.read() as connection:
            row = register.find(connection, version)
        return row.state, row.reason


@dataclass
class CheckingTill:
    """One till over HTTP."""

    client: httpx.Client
    name: str
    token: str
    version: str = "1.0.0"
    state: UpdateState = UpdateState.IDLE
    last: LastTry | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "tillpoint-version": self.version}

    def check(self) -> UpdateOffer | None:
        """What the till may take; None is nothing."""
        told = UpdateCheck(
            **{"version": self.version, "platform": LINUX, "state": self.state, "last": self.last, **self.more}
        )
        answered = self.client.post(
            f"/v1/tills/{self.name}/updates/check", content=codec.encode(told), headers=self.headers
        )
        assert answered.status_code in {200, 204}, answered.text
        self.after_s = int(answered.headers["tillpoint-check-after-s"])
        return codec.decode(answered.content, UpdateOffer) if answered.status_code == 200 else None

    def offered(self) -> str:
        """The version that is offered, "" for none."""
        offer = self.check()
        if offer is None:
            return ""
        import base64

        return codec.decode(base64.b64decode(offer.release.manifest), Manifest).version

    def tried(self, version: str, outcome: TryOutcome, reason: str = "", at: datetime | None = None) -> str:
        """Say what became of a version; what is offered then."""
        if outcome is TryOutcome.HEALTHY:
            self.version = version
        self.last = LastTry(version=version, outcome=outcome, reason=reason, at=at)
        return self.offered()

    def fetch(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={**self.headers, **headers})
