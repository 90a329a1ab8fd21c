"""Which programme is in force: the real centre signs, a till with real files judges; every refusal keeps the last good."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.programmes import Programmes
from agent.cli import main
from agent.signatures import PROGRAMME, fingerprint, new_private_key, public_text, sign_with
from agent.sync.identity import Identity
from central.changes import publish, read_page
from central.cli import main as central
from central.database import Database, open_database
from central.programme_keys import SIGNED, add_key, drop_key, ring_of, signed_document
from central.programmes import set_programme
from drivers.vocabulary import codec
from drivers.vocabulary.signed import KeyRing, SignedProgramme
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
URL = "https://centre.example"


def points(version: int, percent: str = "5") -> bytes:
    return f"""
version = {version}
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = {{ worth = "1.00 RUB" }}

[[rules]]
id = "base"
kind = "earn_points"
unit = "bonus"
percent = "{percent}"
""".encode()


class Clock:
    boot_id = "boot"

    def now(self) -> datetime:
        return NOW

    def uptime_s(self) -> float:
        return 0.0

    def random_bytes(self, count: int) -> bytes:
        return bytes(count)


class Shop:
    """A centre and one till of it; what the centre says reaches the till when it is carried there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.centre: Database = open_database(f"sqlite:///{folder / 'central.db'}")
        with self.centre.read() as connection:
            self.ring = ring_of(connection)
        self.pinned: tuple[str, ...] = ()
        self.cursor = ""
        self.till: Programmes | None = None

    def close(self) -> None:
        self.stop()
        self.centre.close()

    def stop(self) -> None:
        if self.till is not None:
            self.till.replica.close()  # type: ignore[attr-defined]
            self.till.store.close()
            self.till = None

    def start(self) -> Programmes:
        """The till starts, or starts again."""
        self.stop()
        self.till = Programmes(
            store=TillStore.open(self.folder / "till.db", epoch=1),
            replica=ReplicaReader.open(self.folder / "replica.db"),
            clock=Clock(),
            pinned=self.pinned,
            enrolled=self.ring,
            url=URL,
        )
        return self.till

    def set(self, source: bytes, **more: Any) -> None:
        with self.centre.write() as connection:
            set_programme(connection, source, name="p.toml", currency="RUB", now=NOW, **more)

    def signed(self) -> SignedProgramme:
        """What the centre sends now."""
        with self.centre.read() as connection:
            body = signed_document(connection)
        assert body is not None
        return codec.decode(body, SignedProgramme)

    def carry(self) -> None:
        """One page from the centre into the till's replica."""
        with self.centre.read() as connection:
            page = read_page(connection, till="t1", cursor=self.cursor, now=NOW)
        self.cursor = page.cursor
        self._apply([(one.collection, one.key, one.version, one.document) for one in page.changes])

    def smuggle(self, body: bytes | SignedProgramme, key: str = "signed") -> None:
        """Somebody writes into the replica what the centre never said."""
        data = codec.encode(body) if isinstance(body, SignedProgramme) else body
        changes: list[tuple[str, str, int, bytes | None]] = [("programme", key, 1_000_000, data)]
        if key != "signed":
            changes.append(("programme", "signed", 1_000_000, None))
        self._apply(changes)

    def _apply(self, changes: list[tuple[str, str, int, bytes | None]]) -> None:
        with ReplicaWriter.open(self.folder / "replica.db") as writer:
            writer.apply(cursor=self.cursor or "x.1", reflects=0, epoch=1, changes=changes, stored_at=NOW.isoformat())
        if self.till is not None:
            self.till.look()

    def in_force(self) -> int:
        assert self.till is not None
        return self.till.current.version if self.till.current is not None else 0

    def trouble(self) -> str:
        assert self.till is not None
        return self.till.trouble


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A till in whose shop programme 5 is in force."""
    shop = Shop(tmp_path)
    shop.set(points(5))
    shop.start()
    shop.carry()
    yield shop
    shop.close()


def test_a_programme_signed_by_the_centre_is_taken(shop: Shop) -> None:
    """With the centre's own key, told at enrolment."""
    assert 5 == shop.in_force()
    assert "" == shop.trouble()

    shop.set(points(6))
    shop.carry()

    assert 6 == shop.in_force()
    assert shop.till is not None
    assert shop.till.good is not None
    assert fingerprint(shop.ring.keys[0]) == shop.till.good.key


def test_a_changed_programme_is_refused(shop: Shop) -> None:
    """A higher percent under the centre's signature: the last good one goes on."""
    shop.set(points(6))
    honest = shop.signed()
    shop.smuggle(replace(honest, programme=honest.programme.replace('"5"', '"50"')))

    assert 5 == shop.in_force()
    assert "version 5 (Club) is in force" in shop.trouble()
    assert "version 6 was refused: the signature does not fit" in shop.trouble()


def test_an_unknown_key_is_refused(shop: Shop) -> None:
    """Signed well, by somebody nobody knows, who also brings a ring of his own."""
    stranger = new_private_key()
    ring = KeyRing(serial=99, keys=(public_text(stranger),))
    source = points(7).decode()
    shop.smuggle(
        SignedProgramme(
            programme=source,
            signatures=(sign_with(source.encode(), PROGRAMME, stranger),),
            ring=ring,
            ring_signatures=(sign_with(codec.encode(ring), b"tillpoint programme keys 1", stranger),),
        )
    )

    assert 5 == shop.in_force()
    assert "a key this till does not trust" in shop.trouble()
    assert fingerprint(public_text(stranger)) in shop.trouble()


def test_a_programme_without_a_signature_is_refused(shop: Shop) -> None:
    """Also the unsigned form that older tills read."""
    shop.smuggle(points(6), key="current")

    assert 5 == shop.in_force()
    assert "it is not signed" in shop.trouble()


def test_an_older_programme_that_is_played_again_is_refused(shop: Shop) -> None:
    """Its signature is good; its version is not."""
    old = shop.signed()
    shop.set(points(6))
    shop.carry()
    shop.smuggle(old)

    assert 6 == shop.in_force()
    assert "version 5 was refused: version 6 is in force already" in shop.trouble()


def test_another_content_under_the_same_version_is_refused(shop: Shop) -> None:
    """Which of the two was meant, nobody could tell later."""
    with shop.centre.write() as connection:
        connection.exec_driver_sql("DELETE FROM programme")
    shop.set(points(5, "7"))
    shop.carry()

    assert 5 == shop.in_force()
    assert "differs from the one in force under the same version" in shop.trouble()


@pytest.mark.parametrize("wrong", [b"{}", b'{"programme":7}', b"\xff\xfe", b"null "])
def test_rubbish_is_refused(shop: Shop, wrong: bytes) -> None:
    """Whatever lies in the replica."""
    shop.smuggle(wrong)

    assert 5 == shop.in_force()
    assert "another one was refused: what the centre sent is not a signed programme" in shop.trouble()


def test_a_signed_programme_that_does_not_load_is_refused(shop: Shop) -> None:
    """The centre would not set it; an older till may not know what a newer centre does."""
    with shop.centre.write() as connection:
        row = {"version": 9, "source": points(9) + b"colour = 1\n", "document": b"{}", "set_at": NOW}
        connection.exec_driver_sql("DELETE FROM programme")
        from central import schema

        connection.execute(schema.programme.insert(), [row])
        publish(connection, [SIGNED])
    shop.carry()

    assert 5 == shop.in_force()
    assert "colour" in shop.trouble()
    assert "tillpoint programme check" in shop.trouble()


def test_keys_rotate(shop: Shop) -> None:
    """A new key beside the old one, then alone; each step reaches the till as a signed ring."""
    with shop.centre.write() as connection:
        add_key(connection)
        publish(connection, [SIGNED])
    shop.carry()
    with shop.centre.write() as connection:
        drop_key(connection, fingerprint(shop.ring.keys[0]))
        publish(connection, [SIGNED])
        present = ring_of(connection)
    shop.set(points(6))
    shop.carry()

    assert 6 == shop.in_force()
    assert "" == shop.trouble()
    assert shop.till is not None
    assert present.keys == shop.till.trusted
    assert shop.ring.keys[0] not in present.keys
    assert present.keys == shop.start().trusted


def test_a_till_that_slept_through_a_rotation_says_so(shop: Shop) -> None:
    """It knows the old key only: it sells on with the programme it has."""
    with shop.centre.write() as connection:
        add_key(connection)
        drop_key(connection, fingerprint(shop.ring.keys[0]))
    shop.set(points(6))
    shop.carry()

    assert 5 == shop.in_force()
    assert "enrol this till again" in shop.trouble()


def test_a_ring_of_long_ago_does_not_bring_a_dropped_key_back(shop: Shop) -> None:
    """The old document is signed well by a key that counted once."""
    old = shop.signed()
    with shop.centre.write() as connection:
        add_key(connection)
        publish(connection, [SIGNED])
    shop.carry()
    with shop.centre.write() as connection:
        drop_key(connection, fingerprint(shop.ring.keys[0]))
        publish(connection, [SIGNED])
    shop.carry()
    shop.smuggle(old)

    assert shop.till is not None
    assert shop.ring.keys[0] not in shop.till.trusted
    assert "a key this till does not trust" in shop.trouble()


def test_a_restart_after_a_refusal_changes_nothing(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """The same programme is in force, the same refusal is said, and it is not counted as a new one."""
    honest = shop.signed()
    shop.smuggle(replace(honest, programme=points(6).decode()))
    said = shop.trouble()
    refused = shop.till.refused if shop.till is not None else None
    with caplog.at_level(logging.INFO):
        shop.start()

    assert 5 == shop.in_force()
    assert said == shop.trouble()
    assert shop.till is not None
    assert refused == shop.till.refused
    assert any("programme.start" in line and "version 6 was refused" in line for line in caplog.messages)


def test_the_programme_outlives_its_replica(shop: Shop) -> None:
    """The cache is deleted; the till sells on before it is fetched again."""
    shop.stop()
    for file in shop.folder.glob("replica.db*"):
        file.unlink()
    shop.start()

    assert 5 == shop.in_force()


def test_a_good_programme_ends_the_trouble(shop: Shop) -> None:
    """After a refusal the centre sends one that is in order."""
    shop.smuggle(b"{}")
    shop.stop()
    for file in shop.folder.glob("replica.db*"):
        file.unlink()
    shop.set(points(6))
    shop.cursor = ""
    shop.start()
    shop.carry()

    assert (6, "") == (shop.in_force(), shop.trouble())
    assert (6, "") == (shop.start().current.version, shop.trouble())  # type: ignore[union-attr]


def test_keys_of_the_settings_are_the_only_ones(shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person's key: what the centre alone signed is refused, what the person signed is taken."""
    file = tmp_path / "p.toml"
    file.write_bytes(points(6))
    database = f"sqlite:///{tmp_path / 'central.db'}"
    assert 0 == main(["programme", "keys", str(tmp_path / "person")])
    shop.pinned = tuple(json.loads(capsys.readouterr().out.partition("trusted_keys = ")[2]))
    shop.start()
    shop.set(points(6))
    shop.carry()

    assert 5 == shop.in_force()

    assert 0 == main(["programme", "sign", str(file), "--key", str(tmp_path / "person.key")])
    signing = ["--signature", f"{file}.sig", "--key", str(tmp_path / "person.pub")]
    assert 0 == central(["programme", "set", str(file), *signing, "--database", database])
    shop.carry()

    assert (6, "") == (shop.in_force(), shop.trouble())


def test_an_old_enrolment_takes_the_first_ring_and_holds_to_it(tmp_path: Path) -> None:
    """Its identity has no keys: the first signed programme brings them, and then an unsigned one is refused."""
    shop = Shop(tmp_path)
    theirs, shop.ring = shop.ring, KeyRing()
    shop.start()
    shop.smuggle(points(4), key="current")

    assert 4 == shop.in_force()
    assert "not signed: this till knows no key" in shop.trouble()

    shop.stop()
    for file in shop.folder.glob("replica.db*"):
        file.unlink()
    shop.set(points(5))
    shop.start()
    shop.carry()

    assert (5, "") == (shop.in_force(), shop.trouble())
    assert theirs.keys == shop.start().trusted

    shop.smuggle(points(6), key="current")

    assert 5 == shop.in_force()
    shop.close()


def test_another_centre_begins_anew(shop: Shop) -> None:
    """Versions of two centres are not compared: enrolled elsewhere, the till takes what is there."""
    shop.stop()
    folder = shop.folder / "elsewhere"
    folder.mkdir()
    elsewhere = Shop(folder)
    elsewhere.close()
    shop.ring = elsewhere.ring
    till = shop.start()

    assert till.current is None
    assert "no programme is in force" in till.trouble


def test_an_identity_file_of_before_is_still_read() -> None:
    """It lacks the keys, and nothing else."""
    whole = Identity(url=URL, till="t1", shop="s1", epoch=1, token="t", tenant_key="ab" * 32, currency="RUB")
    before = {name: value for name, value in codec.to_builtins(whole).items() if name != "programme_keys"}

    assert KeyRing() == codec.convert(before, Identity).programme_keys


def test_the_desk_writes_a_refusal_into_the_journal_once(
    rig: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal and `check` say in words what is in force and why the other is not; the centre gets it too."""
    rig.tell([], reflects=0, programme="version = 2\ntitle = 'Old'\ncurrency = 'RUB'\nzone = 'UTC'\n")
    # The same cache version is older news: written as the centre would, under a newer one.
    with ReplicaWriter.open(rig.folder / "replica.db") as writer:
        body = b"version = 2\ntitle = 'Old'\ncurrency = 'RUB'\nzone = 'UTC'\n"
        writer.apply(
            cursor="9", reflects=0, epoch=1, changes=[("programme", "current", 9, body)], stored_at=NOW.isoformat()
        )
    rig.desk.replica_changed()
    rig.desk.tick()
    rig.desk.replica_changed()
    with OutboxReader.open(rig.folder / "till.db") as reader:
        written = [one for one in reader.envelopes(limit=10) if one.kind == "programme.refused"]
    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = {json.dumps(str(rig.folder))}\n", "utf-8")

    assert 3 == rig.desk.programme.version
    assert 1 == len(written)
    assert 0 == main(["journal", "--config", str(config)])
    assert "version 2, version 3 goes on: version 3 is in force already" in capsys.readouterr().out
    assert 0 == main(["check", "--config", str(config)])
    assert "version 2 was refused: version 3 is in force already" in capsys.readouterr().out
    assert "version 2 was refused" in rig.desk.snapshot(1).programme_trouble


def test_keys_are_changed_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Show, make, drop; the only key cannot be dropped, and a third is not made."""
    database = ["--database", f"sqlite:///{tmp_path / 'central.db'}"]
    assert 0 == central(["programme", "keys", *database])
    old = capsys.readouterr().out.split()[1].rstrip(":")
    assert 1 == central(["programme", "drop-key", old, *database])
    assert "is the only key" in capsys.readouterr().err
    assert 0 == central(["programme", "new-key", *database])
    assert 1 == central(["programme", "new-key", *database])
    assert "drop the old one first" in capsys.readouterr().err
    assert 0 == central(["programme", "drop-key", old, *database])
    assert 1 == central(["programme", "drop-key", old, *database])
    assert f"there is no key {old}" in capsys.readouterr().err
