"""A real till behind the doors: its desk, its thread, its databases; for the panel's steps that change something."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgspec import structs

from agent.doors.app import build
from agent.doors.keys import DoorSecrets
from agent.doors.pins import Pins, set_pin
from agent.doors.server import DoorServer
from agent.snapshot import LinkState, Screen, Snapshot
from agent.till import Till
from agent.till_loop import LinkChanged
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.money import Money
from drivers.vocabulary.sealing import sealing_public_key
from drivers.vocabulary.spend_codes import CodeSent, CodeVerdict, CodeWanted
from tests.agent.conftest import PROGRAMME, Rig

__all__ = ["PIN", "PIN_IT", "Phone", "RealTill"]

PIN, PIN_IT = "4829", "730185"
WAIT_S = 10.0
SENT = CodeSent(digits=4, mask="+7900***01", expires_s=180, again_s=30)
COUPON = 'coupons.bread = { title = "Хлеб", codes = ["BREAD50"], date_until = 2026-01-31 }\n'
COUPON_RULE = '[[rules]]\nkind = "amount_discount"\nid = "loaf"\namount = "50 RUB"\nwhen.coupons = ["bread"]\n'


class RealTill:
    """Anna (silver, 1 240 points, card 2900000000018) and Boris (no points); `kill` is a cut in power."""

    def __init__(self, folder: Path, *, language: str = "ru", region: str = "RU", standalone: bool = False) -> None:
        self.rig = Rig(folder)
        self.clock = self.rig.clock
        self.clock.at = datetime.now(UTC)  # the browser's clock is the machine's
        self.language, self.region, self.standalone = language, region, standalone
        self.ask_code: Callable[[Any], Any] = lambda _: None  # what the centre says of one-time codes
        self.ask_lookup: Callable[[Any], Any] = lambda _: None  # and of customers this till does not know
        self.rules: dict[str, Any] = {}  # of the desk, besides those every test has
        self.desk = SimpleNamespace(calls="a real desk keeps no list")
        lot = PointsLot(id="old", unit="bonus", amount=1240, expires_at=self.clock.at + timedelta(days=10))
        anna = Customer(
            id="m-1", name="Анна П.", phone="+7900***01", tier="silver", spent=Money.of("6000", "RUB"), lots=(lot,)
        )
        boris = Customer(id="m-2", name="Борис К.", phone="+7900***02")
        programme = PROGRAMME.replace("units.bonus", COUPON + "units.bonus", 1) + COUPON_RULE
        self.number = 0  # so that each newcomer of a walk has a number of its own
        self.rig.tell([anna, boris, *_more_people()], reflects=0, programme=programme)
        self.secrets = DoorSecrets.load_or_create(folder / "state", self.clock)
        set_pin(folder / "state", "supervisor", PIN, self.clock)
        set_pin(folder / "state", "it", PIN_IT, self.clock)
        self._start(0)

    def _open(self) -> Any:
        desk = self.rig.open()
        rules = {"standalone": self.standalone, "panel_language": self.language} | self.rules
        desk.rules = dataclasses.replace(desk.rules, **rules)
        desk.sealing_key = sealing_public_key(bytes(range(1, 33)))
        # As if somebody had signed the programme: a till that takes unsigned ones says so on every screen.
        desk.programmes.good = structs.replace(desk.programmes.good, key="tests")
        return desk

    def _start(self, port: int) -> None:
        first = Snapshot(
            version=0, boot_id="b", screen=Screen.IDLE, shop="", till="", link=LinkState.UNKNOWN, offline_since="",
            waiting=0, waiting_oldest_at="", shelved=0, programme_version=0, programme_title="", currency="RUB",
            devices=(),
        )  # fmt: skip
        self.till = Till(
            self._open,
            ask_hold=lambda wanted: HoldGrant(points=wanted.points, id="h-1"),
            ask_lookup=lambda wanted: self.ask_lookup(wanted),  # noqa: PLW0108 - likewise
            ask_code=lambda asked: self.ask_code(asked),  # noqa: PLW0108 - it may be another one by then
            first=first,
        )
        assert "" == self.till.start(WAIT_S)
        self.till.emit(LinkChanged(LinkState.ONLINE))
        self.till.run_on_till(lambda _: None, timeout_s=WAIT_S)
        app = build(
            self.till,
            secrets=self.secrets,
            clock=self.clock,
            pins=Pins(self.rig.folder / "state", self.clock),
            language=self.language,
            region=self.region,
        )
        self.server = DoorServer(app, port=port)
        self.server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def set_rules(self, **rules: Any) -> None:
        """Other rules of the desk, from now on and after a restart."""
        self.rules |= rules

        def work(desk: Any) -> None:
            desk.rules = dataclasses.replace(desk.rules, **rules)

        self.till.run_on_till(work, timeout_s=WAIT_S)

    @property
    def shown(self) -> Snapshot:
        return self.till.snapshot

    def stop(self) -> None:
        self.server.stop()
        self.till.stop(WAIT_S)

    def restart(self) -> None:
        """Another process on the same files and the same port; nothing in memory is left."""
        port = self.server.port
        self.stop()
        self.rig.clock.boot_id += "+"
        self._start(port)

    def drop(self, uid: str = "r-1") -> None:
        """The receipt in progress will not happen."""
        self.till.cancel(contract.CancelRequest(receipt_uid=uid), timeout_s=WAIT_S)

    def quote(self, uid: str = "r-1", price: str = "1240", *, coupons: tuple[str, ...] = ()) -> contract.QuoteAnswer:
        """As a POS that leaves points to the panel."""
        receipt = self.rig.sale(uid, price, coupons=coupons)
        return self.till.quote(contract.QuoteRequest(receipt=receipt), timeout_s=WAIT_S)

    def confirm(self, uid: str, price: str, off: str) -> contract.ConfirmAnswer:
        """The receipt is closed."""
        return self.till.confirm(contract.ConfirmRequest(receipt=self.rig.paid(uid, price, off)), timeout_s=WAIT_S)


class Phone:
    """The customer's: the centre sends 4711 there, and says whether what comes back is it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __call__(self, asked: object) -> CodeSent | CodeVerdict:
        self.asked.append(asked)
        if isinstance(asked, CodeWanted):
            return SENT
        is_right = asked.code == "4711"
        return CodeVerdict(is_right=is_right, tries_left=3 if is_right else 2, reason="" if is_right else "wrong")


def _more_people() -> list[Customer]:
    """A card that was blocked, and somebody with a long name and much to say."""
    rich = PointsLot(id="rich", unit="bonus", amount=123_456_789, expires_at=datetime.now(UTC) + timedelta(days=20))
    return [
        Customer(id="m-3", name="Вера С.", phone="+7900***03", blocked=True),
        Customer(
            id="m-4",
            name="Константин Константинопольский-Шестаков",
            phone="+7900***04",
            tier="silver",
            spent=Money.of("9999999.99", "RUB"),
            lots=(rich,),
        ),
    ]
