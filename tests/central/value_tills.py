"""Real tills beside the real centre, with the line between them worked by hand: coupons and certificates in hand."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import insert, select

from agent.checkout.in_hand.certificates import recognise
from agent.checkout.state import TillName
from agent.loyalty import Programme, load
from agent.snapshot import LinkState
from agent.sync.wire import to_wire
from central import schema
from central.certificate_desk import make_certificate
from central.certificate_holds import ask_certificate
from central.certificates import imbalanced_certificates
from central.changes import read_page
from central.coupons import coupon_row, overspent_coupons
from central.errors import Refusal
from central.lease_reports import report_leases
from central.programme_keys import ring_of
from central.value_reports import ask_coupons, report_values
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter
from tests.agent.conftest import Rig

PROGRAMME = b"""
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
coupons.tea = { title = "Tea", uses = 1, back_on_return = true }

[[rules]]
id = "tea"
kind = "percent_discount"
percent = 10
when.coupons = ["tea"]
"""
CODE = "GIFT-0000-0001"
SERIALS = tuple(f"A-{number}" for number in range(1, 9))
BATCH = 1_000


class Lost(Exception):  # noqa: N818 - an answer is lost, it is no error
    """An answer that was lost on its way: the centre has done what it was asked."""


@dataclass
class Till:
    """A desk with its files, and the line to the centre that a test works by hand."""

    name: str
    centre: Any
    rig: Rig
    cursor: str = ""
    number: int = 0
    loses: Callable[[], bool] = field(default=lambda: False)

    @classmethod
    def made(cls, name: str, folder: Path, centre: Any) -> Till:
        folder.mkdir()
        ReplicaWriter.open(folder / "replica.db").close()
        till = cls(name, centre, Rig(folder))
        till.start()
        till.hear()
        return till

    @property
    def desk(self) -> Any:
        return self.rig.desk

    def start(self) -> None:
        self.rig.open()
        self.desk.name = TillName(shop="s1", till=self.name)
        programme = load(PROGRAMME, name="p.toml")
        assert isinstance(programme, Programme), programme
        self.desk.programme = programme
        with self.centre.database.read() as connection:
            self.desk.programmes._ring = ring_of(connection)
        self.desk.rules = dataclasses.replace(self.desk.rules, refuses_single_use=True)
        self.goes(LinkState.OFFLINE)

    def crash(self) -> None:
        self.desk.close()
        self.start()

    def goes(self, link: LinkState) -> None:
        self.desk.link_changed(link, "")

    def now(self) -> Any:
        self.rig.clock.at = self.centre.now
        return self.centre.now

    # ── The line ────────────────────────────────────────────────────────────────────────────────

    def ask(self, work: Callable[[Any], Any]) -> Any:
        """One request; its answer may be lost."""
        with self.centre.database.write() as connection:
            answer = work(connection)
        if self.loses():
            raise Lost
        return answer

    def send(self) -> None:
        """Everything that waits."""
        while True:
            with OutboxReader.open(self.rig.folder / "till.db") as outbox:
                waiting = outbox.batch(envelopes_max=BATCH, bytes_max=1_000_000)
            if not waiting:
                return
            try:
                answer = self.centre.take(*(to_wire(one) for one in waiting), till=self.name)
            except Refusal as gap:
                self.send_again(gap.problem.wanted or 0)
                continue
            if self.loses():
                raise Lost
            self.desk.store.settle(epoch=1, through=answer.through, refused={})

    def turn(self) -> None:
        """As the uploader does it: send, report on points, send again what was lost, report on the rest."""
        self.send()
        for _ in range(3):
            report = self.desk.lease_report()
            self.send()
            answer = self.ask(lambda c, r=report: report_leases(c, r, till=self.name, now=self.now()))
            self.desk.take_leases(answer)
            if answer.send_from is not None:
                self.send_again(answer.send_from.sequence)
        for _ in range(2):
            self.report_values()
        self.send()

    def report_values(self) -> None:
        report = self.desk.value_report()
        self.desk.take_values(
            self.ask(lambda c: report_values(c, report, till=self.name, new_id=self.new_id, now=self.now()))
        )

    def send_again(self, sequence: int) -> None:
        with OutboxReader.open(self.rig.folder / "till.db") as outbox:
            again = outbox.batch_from(epoch=1, sequence=sequence, envelopes_max=BATCH, bytes_max=1_000_000)
        self.centre.take(*(to_wire(one) for one in again), till=self.name)

    def hear(self) -> None:
        """Everything that changed."""
        with self.centre.database.read() as connection:
            page = read_page(connection, till=self.name, cursor=self.cursor, now=self.now())
        with ReplicaWriter.open(self.rig.folder / "replica.db") as writer:
            writer.apply(
                cursor=page.cursor,
                reflects=page.reflects,
                epoch=page.epoch,
                changes=[(one.collection, one.key, one.version, one.document) for one in page.changes],
                stored_at=self.now().isoformat(),
            )
        self.cursor = page.cursor

    def new_id(self) -> str:
        return f"value:{self.name}:{random.getrandbits(64):x}"

    # ── The checkout, as `agent.till` joins it ──────────────────────────────────────────────────

    def quote(self, uid: str, *, serial: str = "", code: str = "", price: str = "100.00") -> Any:
        self.now()
        shown = (contract.CertificateCode(code=code),) if code else ()
        receipt = replace(self.rig.sale(uid, price), coupons=(serial,) if serial else ())
        request = contract.QuoteRequest(receipt=receipt, customer_id="anna", certificate_codes=shown)
        grants: tuple[CertificateGrant | None, ...] = tuple(self._certificate(one.code, uid) for one in shown)
        grants = self.desk.judge_pins(grants, recognise(shown, grants, self.desk.leased_certificates()))
        answer, _ = self.desk.quote_and_want(request, grants)
        asked = self.desk.coupons_wanted(request, answer)
        if asked is not None:
            answer, _ = self.desk.secure_coupons(request, grants, asked, self._coupons(asked))
        return answer

    def _certificate(self, code: str, uid: str) -> CertificateGrant | None:
        if self.desk.link is not LinkState.ONLINE:
            return None
        wanted = CertificateWanted(code=code, receipt_uid=uid)
        try:
            return self.ask(lambda c: ask_certificate(c, wanted, till=self.name, new_id=self.new_id(), now=self.now()))
        except Lost:
            return None

    def _coupons(self, wanted: Any) -> Any:
        try:
            return self.ask(lambda c: ask_coupons(c, wanted, till=self.name, new_id=self.new_id, now=self.now()))
        except Lost:
            return None

    def close(self, uid: str, answer: Any, *, serial: str = "", price: str = "100.00") -> None:
        """Charge what was quoted."""
        receipt = replace(self.rig.sale(uid, price), coupons=(serial,) if serial else ())
        off = answer.decision.discount
        line = replace(receipt.lines[0], discount=off, total=receipt.total - off)
        receipt = replace(receipt, lines=(line,), total=receipt.total - off)
        self.desk.confirm(contract.ConfirmRequest(receipt=receipt), source="api")

    def buy(self, *, serial: str = "", code: str = "", price: str = "100.00") -> tuple[str, str]:
        """(what the coupon took off, what the certificate paid) of one sale."""
        self.number += 1
        uid = f"{self.name}-{self.number}"
        answer = self.quote(uid, serial=serial, code=code, price=price)
        self.close(uid, answer, serial=serial, price=price)
        paid = sum(one.amount.minor for one in answer.decision.effects if type(one).__name__ == "CertificateUsed")
        return str(answer.decision.discount), str(Money(paid, "RUB"))

    def bring_back(self, uid: str, price: str = "100.00", off: str = "10.00") -> None:
        receipt = replace(self.rig.paid(f"{uid}-back", price, off), kind=DocumentKind.RETURN, base_uid=uid)
        self.desk.refund(contract.RefundRequest(receipt=receipt), source="api")


def two_tills(centre: Any, words: Any, folder: Path) -> list[Till]:
    """Two tills that have said what they hold; anna holds coupons and there is a certificate of 100.00."""
    rows = [coupon_row(serial, "tea", customer="anna", uses=1) for serial in SERIALS]
    with centre.database.write() as connection:
        connection.execute(insert(schema.coupon), rows)
        make_certificate(connection, CODE, words.rub(10_000), now=centre.now)
    made = [Till.made(name, folder / name, centre) for name in ("t1", "t2")]
    for till in made:
        till.turn()
    return made


def settled(centre: Any, tills: list[Till]) -> tuple[int, list[str]]:
    """Everybody has a line: (what is on the certificate, coupons used too often)."""
    for till in tills:
        till.loses = lambda: False
        for _ in range(2):
            till.turn()
    with centre.database.read() as connection:
        assert [] == imbalanced_certificates(connection)
        balance = connection.scalar(select(schema.certificate.c.balance_minor))
        return int(balance or 0), [one.serial for one in overspent_coupons(connection)]
