"""Set Retail's purchases and cards: golden receipts, money that adds up, both catalogues, files that are none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from drivers.tills.loads import LoadCard, LoadPlan, LoadTier
from drivers.tills.reports import Progress, ReportContext, Reported, ReportSettings
from drivers.tills.set_retail import system
from drivers.tills.set_retail.report import PurchasesBook
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Percent
from drivers.vocabulary.receipt import DocumentKind, TenderKind

CONTEXT = ReportContext(zone=ZoneInfo("Europe/Moscow"), currency="RUB")
CARD = "2900000000018"
HEAD = '<?xml version="1.0" encoding="{}"?><purchases>'


def book(**settings: Any) -> PurchasesBook:
    return PurchasesBook(ReportSettings(**settings), CONTEXT)


def purchase(*inside: str, amount: str = "90.0", **more: str) -> str:
    said = {
        "operationType": "true",
        "shop": "1",
        "cash": "2",
        "shift": "14",
        "number": "7",
        "saletime": "2024-03-05T10:56:44.933+03:00",
    }
    head = " ".join(f'{name}="{value}"' for name, value in (said | more | {"amount": amount}).items())
    return f"<purchase {head}>{''.join(inside)}</purchase>"


def positions(*rows: tuple[str, str, str, str]) -> str:
    made = (
        f'<position order="{order}" goodsCode="{code}" count="{count}" cost="{cost}" amount="{amount}"/>'
        for order, (code, count, cost, amount) in enumerate(rows, 1)
    )
    return f"<positions>{''.join(made)}</positions>"


def payments(*rows: tuple[str, str]) -> str:
    made = (f'<payment typeClass="{kind}Entity" amount="{amount}"/>' for kind, amount in rows)
    return f"<payments>{''.join(made)}</payments>"


def read(*purchases: str, encoding: str = "UTF-8", **settings: Any) -> list[Reported]:
    file = book(**settings).file("p.xml")
    found = list(file.feed(f"{HEAD.format(encoding)}{''.join(purchases)}</purchases>".encode(encoding)))
    assert ("", 0) == (file.problem, file.held)
    return found


def only(*inside: str, **more: Any) -> Document:
    settings = {"tenders": more.pop("tenders", {})}
    (one,) = read(purchase(*inside, **more), **settings)
    return one.read()


class HeldBack:
    """A parser where the libraries are newer than Python's part: its last byte waits until the one below is hurried."""

    def __init__(self, events: tuple[str, ...], of: type[ET.XMLPullParser[Any]] = ET.XMLPullParser) -> None:
        self._inner = of(events)
        self._kept = b""
        self._parser = SimpleNamespace(flush=self._flush)
        self.read_events = self._inner.read_events

    def feed(self, data: bytes) -> None:
        whole = self._kept + data
        self._inner.feed(whole[:-1])
        self._kept = whole[-1:]

    def _flush(self) -> None:
        self._inner.feed(self._kept)
        self._kept = b""


def test_the_last_bytes_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ET, "XMLPullParser", HeldBack)

    assert ["7"] == [one.read().receipt.number for one in read(purchase(positions(("1", "1.0", "90.0", "90.0"))))]


def test_the_sample_and_its_golden_receipt(samples: Path) -> None:
    one = book()
    sample = samples / "tills" / "setretail" / "purchases_with_card_made_from_spec.xml"
    (closed,) = one.file("purchases.xml").feed(sample.read_bytes())
    document = closed.read()
    receipt = document.receipt
    assert receipt is not None
    (line,) = receipt.lines

    assert ("1.2", 14_000_007, {"1.2": Progress(last=14_000_007)}) == (closed.counter, closed.number, one.progress())
    assert ("set-1-2-14-7-20240305105644", "7", 14, "2", "1", "5") == (
        receipt.uid, receipt.number, receipt.shift, receipt.till, receipt.shop, receipt.cashier,
    )  # fmt: skip
    assert datetime(2024, 3, 5, 7, 56, 44, 933000, tzinfo=UTC) == receipt.closed_at
    assert (DocumentKind.SALE, "90.00", "100.00", "10.00") == (
        receipt.kind, receipt.total.amount, line.price.amount, line.discount.amount if line.discount else "",
    )  # fmt: skip
    assert [(TenderKind.CASH, "100.00")] == [(one.kind, one.amount.amount) for one in receipt.tenders]
    assert Money.of("10.00", "RUB") == receipt.change
    assert (CARD,) == document.codes


def test_a_discount_on_the_whole_receipt_is_not_in_its_positions() -> None:
    off = '<discounts><discount positionOrder="0" amount="10.0"/><discount positionOrder="1" amount="5.0"/></discounts>'
    receipt = only(
        positions(("A", "1.0", "100.0", "95.0")), payments(("CashPayment", "85.0")), off, amount="1.0"
    ).receipt
    assert receipt is not None

    assert ("85.00", Money.of("-10", "RUB")) == (receipt.total.amount, receipt.adjustment)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BankCardPayment", "card"),
        ("ExternalBankTerminalPayment", "card"),
        ("GiftCardPayment", "certificate"),
        ("BonusCardPayment", "points"),
        ("NewPayment", "other"),
    ],
)
def test_ways_of_paying(name: str, kind: str) -> None:
    goods = positions(("A", "1", "90", "90"))
    receipt = only(goods, payments((name, "90.0"))).receipt
    other = only(goods, payments((name, "90.0")), tenders={f"{name}Entity": "credit"}).receipt
    assert receipt is not None
    assert other is not None

    assert (TenderKind(kind), TenderKind.CREDIT) == (receipt.tenders[0].kind, other.tenders[0].kind)


def test_a_return() -> None:
    document = only(positions(("A", "1", "90", "90")), payments(("CashPayment", "90.0")), operationType="false")

    assert document.kind is DocumentKind.RETURN
    assert document.receipt is not None


@pytest.mark.parametrize(
    ("inside", "more", "sentence"),
    [
        (
            [positions(("A", "1", "80", "80")), payments(("CashPayment", "90"))],
            {},
            "its positions make 80.00 RUB, 90.00 RUB was paid",
        ),
        ([positions(("A", "1", "90", "90"))], {"saletime": "yesterday"}, "sold at 'yesterday', which is no time"),
        ([positions(("A", "1", "9o", "90"))], {}, "not a number: '9o'"),
        ([positions(("A", "1", "50", "90"))], {}, "line 1"),
    ],
)
def test_what_does_not_add_up_is_kept_for_a_person(inside: list[str], more: dict[str, str], sentence: str) -> None:
    document = only(*inside, **more)

    assert document.receipt is None
    assert document.problems[0].startswith("purchase 7 of shift 14 at cash 2: ")
    assert sentence in document.problems[0]


def test_cyrillic_in_its_own_encoding_and_tills_that_are_not_ours() -> None:
    one = purchase(positions(("Ж", "1", "90", "90")), payments(("CashPayment", "90")), userName="Анна")
    other = purchase(positions(("Ж", "1", "90", "90")), cash="3", number="8")

    assert ["Ж"] == [
        each.read().receipt.lines[0].product_id for each in read(one, other, encoding="windows-1251", tills=("2",))
    ]  # type: ignore[union-attr]


def test_a_purchase_without_a_number_is_said() -> None:
    one = book()
    one.file("p").feed(f"{HEAD.format('UTF-8')}{purchase(number='')}</purchases>".encode())

    assert "purchases without cash, shift and number: 1" == one.complaint


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"<zreports><zreport/></zreports>", "it begins with <zreports>"),
        (b'<!DOCTYPE p [<!ENTITY a "aaaa">]><purchases/>', "it declares entities"),
        ("<!DOCTYPE p><purchases/>".encode("utf-16"), "it declares entities"),
        (b"<purchases><purchase></purchases>", "it is no XML at 1:"),
        ("<purchases><purchase cash='Ж'/>".encode("cp1251"), "it is no XML at 1:"),
    ],
)
def test_other_files_are_said(data: bytes, sentence: str) -> None:
    file = book().file("p.xml")
    assert [] == [*file.feed(data), *file.feed(b"<purchases/>"), *file.end()]

    assert sentence in file.problem


def test_what_was_before_the_damage_is_read() -> None:
    file = book().file("p.xml")
    good = purchase(positions(("A", "1", "90", "90")))

    assert 1 == len(file.feed(f"{HEAD.format('UTF-8')}{good}<purchase></purchases>".encode()))
    assert "it is no XML at 1:" in file.problem


def test_half_a_file_is_held() -> None:
    file = book().file("p.xml")
    whole = f"{HEAD.format('UTF-8')}{purchase(positions(('A', '1', '90', '90')))}".encode()

    assert 1 == len(file.feed(whole))
    assert len(whole) == file.held


TIERS = (LoadTier(name="silver", title='Серебро "С"', code=101, percent=Percent.parse("7.5")),)
CARDS = (LoadCard(number=CARD, tier="silver", name="Анна <П>", phone="+79000000001"), LoadCard(number="1", tier="none"))


def catalogue(**more: Any) -> ET.Element:
    assert system.loads is not None
    plan = LoadPlan(tiers=TIERS, cards=lambda: CARDS, day=date(2026, 3, 2), **more)
    return ET.fromstring(b"".join(system.loads.write(plan)))


def test_the_newer_catalogue_is_whole() -> None:
    root = catalogue(clients=True)
    (tier,), (card,) = root.findall("internal-card-type"), root.findall("internal-card")
    client = card.find("client")
    assert client is not None

    assert ("101", 'Серебро "С"', "7.5") == (tier.get("guid"), tier.get("name"), tier.get("percentage-discount"))
    assert (CARD, "101", "7.5", "0") == tuple(
        card.get(name) for name in ("number", "card-type-guid", "percentage-discount", "status")
    )
    assert ("Анна <П>", "+79000000001") == (client.get("last-name"), client.get("mobile-phone"))
    assert catalogue().find("internal-card/client") is None


def test_the_newer_catalogue_has_what_the_sample_has(samples: Path) -> None:
    sample = ET.parse(samples / "tills" / "setretail" / "cards-catalog_made_from_spec.xml").getroot()
    ours = {one.tag: set(one.attrib) for one in catalogue(clients=True).iter()}
    theirs = {one.tag: set(one.attrib) - {"expirationDate"} for one in sample.iter()}

    assert theirs | {"client": ours["client"]} == ours


def test_the_older_catalogue_is_nested() -> None:
    root = catalogue(generation="old")
    card = root.find("client/internal-card-type/internal-card")
    assert card is not None

    assert (CARD, "7.5") == (card.get("numberField"), card.get("discountpercent"))
    assert "Анна" not in ET.tostring(root, encoding="unicode")
