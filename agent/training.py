"""Training: another desk on files of its own, with invented customers; nothing of it reaches the queue or the centre.

It ends by itself after a while, with a report of the till (the end of a shift), and with the process: whoever forgets
it sells for real again. What the till rings up meanwhile does not count; registers that are read out go on as always.
"""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from agent.checkout.customers.knowledge import Knowledge
from agent.checkout.customers.limits import LimitRules
from agent.checkout.desk import Desk
from agent.checkout.programmes import Programmes
from agent.checkout.records import Current
from agent.snapshot import LinkState, Snapshot, TrainingView
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CouponFact, Customer, Identifier, IdentifierKind, PointsLot, keyed_hash
from drivers.vocabulary.money import Money
from drivers.vocabulary.sealing import sealing_public_key
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

__all__ = ["CARDS", "OFFLINE_ID", "Training", "open_training", "phones"]

#: Cards of the first two people; the numbers are the first that the shipped card patterns take.
CARDS: Final = ("2900000000018", "2900000000025")
OFFLINE_ID: Final = "training-6"  # while this one is at the till, the line is down
TOTALS: Final = (1_240, 25_000, 3_300, 120, 0, 800)  # points of each
_PREFIXES: Final = {"THB": "+6681000000"}  # numbers nobody has; a Thai one for a Thai cashier
_KEY_BYTES: Final = 32


def phones(currency: str) -> tuple[str, ...]:
    """Whom a cashier may try: everyday, best level, family, expired coupon, blocked, no line; 07 and on are nobody."""
    prefix = _PREFIXES.get(currency, "+7900000000")
    return tuple(f"{prefix}{number}" for number in range(1, 7))


@dataclass(slots=True)
class Training:
    """One training; used on the till thread."""

    desk: Desk
    until: datetime
    folder: tempfile.TemporaryDirectory[str]

    def is_over(self, now: datetime) -> bool:
        """Whether its time is up."""
        return now >= self.until

    def close(self) -> None:
        """Everything that was done in it is gone."""
        self.desk.close()
        self.folder.cleanup()

    def snapshot(self, version: int) -> Snapshot | None:
        """As the desk's, with the word that it is training."""
        current: Current | None = self.desk.current
        is_cut = current is not None and current.customer_id == OFFLINE_ID
        if not is_cut:
            self.desk.offline_since = None
        elif self.desk.offline_since is None:
            self.desk.offline_since = self.desk.clock.now()
        fresh = self.desk.snapshot(version)
        if fresh is None:
            return None
        return replace(
            fresh,
            link=LinkState.OFFLINE if is_cut else LinkState.ONLINE,
            waiting=0,
            waiting_oldest_at="",
            training=TrainingView(until=self.until.isoformat(timespec="seconds")),
        )


def open_training(real: Desk, *, lasts: timedelta) -> Training:
    """Begin: the rules, the programme and the printers of the real desk, and nothing else of it."""
    folder = tempfile.TemporaryDirectory(prefix="tillpoint-training-")
    path = Path(folder.name)
    key = real.clock.random_bytes(_KEY_BYTES)
    store = TillStore.open(path / "till.db", epoch=1, ballast_bytes=0)
    _fill(path, real, key)
    replica = ReplicaReader.open(path / "replica.db")
    programmes = Programmes(store=store, replica=replica, clock=real.clock)
    programmes.current, programmes.good = real.programmes.current, real.programmes.good
    slip = replace(real.rules.slip, is_training=True)
    desk = Desk(
        store=store,
        knowledge=Knowledge(replica, store, key),
        clock=real.clock,
        name=real.name,
        rules=dataclasses.replace(real.rules, slip=slip, codes=False, limits=LimitRules()),
        recogniser=real.recogniser,
        programmes=programmes,
        devices=dict(real.devices),
        sealing_key=sealing_public_key(real.clock.random_bytes(_KEY_BYTES)),  # nobody opens what is sealed to it
        slips=real.slips,
    )
    return Training(desk=desk, until=real.clock.now() + lasts, folder=folder)


def _fill(path: Path, real: Desk, key: bytes) -> None:
    """The invented people and how they are found."""
    people = _people(real)
    numbers = phones(real.rules.currency)
    names = [(IdentifierKind.PHONE, number, place) for place, number in enumerate(numbers)]
    names += [(IdentifierKind.CARD, number, place) for place, number in enumerate(CARDS)]
    changes: list[tuple[str, str, int, bytes | None]] = [("customer", one.id, 1, codec.encode(one)) for one in people]
    changes += [
        ("alias", keyed_hash(key, Identifier(kind=kind, value=value)), 1, codec.encode(people[place].id))
        for kind, value, place in names
    ]
    with ReplicaWriter.open(path / "replica.db") as writer:
        writer.apply(cursor="1", reflects=0, epoch=1, changes=changes, stored_at=real.clock.now().isoformat())


def _people(real: Desk) -> list[Customer]:
    programme = real.programme
    units = [*programme.file.units] if programme is not None else []
    tiers = [tier.id for tier in programme.tiers] if programme is not None else []
    coupons = [*programme.file.coupons] if programme is not None else []
    now = real.clock.now()
    old = CouponFact(code="TRAINING", coupon=coupons[0], valid_until=now - timedelta(days=1)) if coupons else None
    made = []
    for place, (points, phone) in enumerate(zip(TOTALS, phones(real.rules.currency), strict=True), start=1):
        lots = (PointsLot(id="training", unit=units[0], amount=points),) if units and points else ()
        made.append(
            Customer(
                id=f"training-{place}",
                name=f"{_LETTERS[place - 1]}. {place}",
                phone=Identifier(kind=IdentifierKind.PHONE, value=phone).mask,
                tier=tiers[-1] if place == 2 and tiers else "",
                spent=Money(0, real.rules.currency),
                lots=lots,
                members=3 if place == 3 else 1,
                blocked=place == 5,
                coupons=(old,) if place == 4 and old is not None else (),
            )
        )
    return made


_LETTERS: Final = "ABCDEF"
