"""Receipts from paper: kinds, words, arithmetic; never a receipt whose numbers do not add up."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from time import perf_counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.printers.escpos import EscposSettings
from drivers.printers.escpos.document import Printed
from drivers.printers.escpos.driver import conversation, receipt_reader
from drivers.printers.escpos.pos_simulator import (
    STYLES,
    compose_kitchen_ticket,
    compose_receipt,
    compose_text,
    sample_receipt,
)
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

MOSCOW = timezone(timedelta(hours=3))


def reader_of(**chosen):
    return receipt_reader(EscposSettings(**chosen), device="printer", new_uid=lambda: "p-new")


def understand(text, *, codes=(), **chosen):
    lines = tuple(line.rstrip() for line in text.strip("\n").split("\n"))
    return reader_of(**chosen).understand(Printed(lines=lines, codes=codes, codecs={}))


def rub(amount):
    return Money.of(amount, "RUB")


def essence(receipt):
    """What must survive paper."""
    return (
        receipt.kind,
        receipt.total,
        tuple((line.name, line.quantity, line.price, line.discount, line.total) for line in receipt.lines),
        tuple((tender.kind, tender.amount) for tender in receipt.tenders),
        receipt.change,
        receipt.adjustment,
        receipt.closed_at,
        receipt.number,
    )


# ── Shapes of real paper ────────────────────────────────────────────────────────────────────────

FISCAL = """
        ООО "Ромашка"
   г. Москва, ул. Лесная, д. 1
        КАССОВЫЙ ЧЕК
          ПРИХОД
ЧЕК №000123       СМЕНА №12
КАССИР: Семёнова А.
12.05.26 12:30
--------------------------------
1. Молоко 3,2% ГОСТ 31450
  1.000 * 89.90           =89.90 А
  НДС 10%                  =8.17
2. Сыр Российский вес.
  0.351 кг * 799.00      =280.45 А
  НДС 10%                 =25.50
--------------------------------
И Т О Г              =370.35
НАЛИЧНЫМИ            =370.35
ПОЛУЧЕНО             =500.00
СДАЧА                =129.65
СУММА НДС 10%         =33.67
ИНН 7700000000  ФН 9999078900000000
ФД 4567  ФПД 123456789
    СПАСИБО! Ваша скидка 5.00
"""


def test_a_fiscal_form_is_read_whole():
    """Numbered two-line items, VAT lines, received and change, a letter-spaced total, ё in a name."""
    understood = understand(FISCAL)
    receipt = understood.receipt

    assert () == understood.problems
    assert [
        ("Молоко 3,2% ГОСТ 31450", "1", "89.90 RUB", "89.90 RUB"),
        ("Сыр Российский вес.", "0.351", "799.00 RUB", "280.45 RUB"),
    ] == [(line.name, str(line.quantity), str(line.price), str(line.total)) for line in receipt.lines]
    assert (rub("370.35"), rub("129.65")) == (receipt.total, receipt.change)
    assert [(TenderKind.CASH, rub("500.00"))] == [(tender.kind, tender.amount) for tender in receipt.tenders]
    assert ("000123", 12, "Семёнова А.") == (receipt.number, receipt.shift, receipt.cashier)
    assert datetime(2026, 5, 12, 12, 30, tzinfo=MOSCOW) == receipt.closed_at


def test_columns_without_a_ruler_and_with_thousands():
    """A space sets thousands apart only where a column begins."""
    understood = understand("""
Кофейня
Кефир 1                 5       1 234,50       6 172,50
Хлеб                    1          45,00          45,00
ИТОГО                                          6 217,50
КАРТОЙ                                         6 217,50
""")

    assert [("Кефир 1", "5"), ("Хлеб", "1")] == [(line.name, str(line.quantity)) for line in understood.receipt.lines]
    assert rub("6217.50") == understood.receipt.total


def test_the_total_may_stand_on_its_own_line():
    """Double-width totals are often printed as a word and, below it, the amount."""
    understood = understand("""
Хлеб   2 x 45,00   90,00
ИТОГ
          =90,00
""")

    assert rub("90.00") == understood.receipt.total


def test_tax_on_top_is_an_adjustment():
    """American receipts add the tax below the lines."""
    understood = understand(
        """
Coffee      2 x 3.50    7.00
SUBTOTAL                7.00
TAX                     0.56
TOTAL                   7.56
VISA                    7.56
""",
        currency="USD",
    )

    assert Money.of("0.56", "USD") == understood.receipt.adjustment


def test_a_charge_nobody_knows_is_no_product(samples, relayed):
    """ "A local tax" of the public sample stands under the subtotal; it is refused until the store names it."""
    stream = (samples / "escpos" / "receipt-with-logo.bin").read_bytes()
    document = relayed(currency="USD").host(stream).documents[0]

    assert (DocumentKind.SALE, None) == (document.kind, document.receipt)
    assert "lines make 12.95, the total says 14.25" in document.problems[0]


def test_a_tax_in_the_stores_own_words(samples, relayed, tmp_path):
    """Three lines of TOML later it is read."""
    path = tmp_path / "mart.toml"
    path.write_text(
        'title = "Mart"\nwords = ["en"]\nitems = ["{name} {sum}"]\ntaxes = "added"\n[own]\ntax = ["A local tax"]\n',
        "utf-8",
    )
    stream = (samples / "escpos" / "receipt-with-logo.bin").read_bytes()
    receipt = relayed(currency="USD", layouts=(str(path),)).host(stream).documents[0].receipt

    assert ("14.25 USD", "1.30 USD", 4) == (str(receipt.total), str(receipt.adjustment), len(receipt.lines))


def test_a_sum_printed_after_its_discount():
    """Some tills print the line's sum net and the discount for information; the multiplication says so."""
    understood = understand("""
Хлеб
  2 x 45.00  =80.00
СКИДКА       =10.00
ИТОГ         =80.00
НАЛИЧНЫМИ    =80.00
""")

    assert (rub("10.00"), rub("80.00")) == (understood.receipt.lines[0].discount, understood.receipt.total)


def test_a_product_called_card_is_no_tender():
    """Above the total a tender's word is a name."""
    understood = understand("""
Карта памяти 16GB    500.00
КАРТА                100.00
ИТОГО                600.00
КАРТА                600.00
""")

    assert ["Карта памяти 16GB", "КАРТА"] == [line.name for line in understood.receipt.lines]
    assert [TenderKind.CARD] == [tender.kind for tender in understood.receipt.tenders]


def test_a_return_printed_with_minus_signs():
    """Everything negative is a return, stated in positive sums."""
    understood = understand(
        """
Coffee   1 x 3.50    -3.50
TOTAL                -3.50
CASH                 -3.50
""",
        currency="USD",
    )

    assert DocumentKind.RETURN == understood.kind
    assert Money.of("3.50", "USD") == understood.receipt.total


def test_currency_without_decimals():
    """Yen have none."""
    understood = understand("Tea  2 x 450   900\nTOTAL   900\nCASH  1,000\nCHANGE  100\n", currency="JPY")

    assert Money(900, "JPY") == understood.receipt.total


# ── Kinds ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("ВОЗВРАТ ПРИХОДА №5", DocumentKind.RETURN),
        ("Кассовый чек/Возврат прихода", DocumentKind.RETURN),
        ("*** КОПИЯ ЧЕКА ***", DocumentKind.COPY),
        ("REPRINT", DocumentKind.COPY),
        ("ЧЕК АННУЛИРОВАН", DocumentKind.VOID),
        ("ПРЕДВАРИТЕЛЬНЫЙ ЧЕК", DocumentKind.OTHER),
        ("GUEST CHECK", DocumentKind.OTHER),
        ("คืนสินค้า", DocumentKind.RETURN),
        ("Z-ОТЧЕТ № 0012", DocumentKind.REPORT),
    ],
)
def test_a_heading_tells_the_kind(heading, kind):
    """Only a sale and a return have a receipt; the others say why not."""
    understood = understand(f"{heading}\nХлеб  2 x 45,00   90,00\nИТОГО  90,00\nНАЛИЧНЫМИ  90,00\n")

    assert kind == understood.kind
    assert (kind is DocumentKind.RETURN) == (understood.receipt is not None)
    assert (kind is not DocumentKind.RETURN) == bool(understood.problems)


@pytest.mark.parametrize(
    "footer",
    [
        "ВОЗВРАТ ТОВАРА В ТЕЧЕНИЕ 14 ДНЕЙ ПРИ НАЛИЧИИ ЧЕКА",
        "NO REFUND WITHOUT RECEIPT",
        "CUSTOMER COPY",
        "Домашняя кухня",
    ],
)
def test_a_footer_does_not_change_the_kind(footer):
    """Return policies and customer copies stand on ordinary sales."""
    understood = understand(f"Хлеб  2 x 45,00   90,00\nИТОГО  90,00\nНАЛИЧНЫМИ  90,00\n{footer}\n")

    assert DocumentKind.SALE == understood.kind
    assert understood.receipt is not None


def test_a_restaurant_called_kitchen_sells():
    """A kitchen ticket has no prices."""
    understood = understand("Домашняя кухня\nБорщ  1 x 90,00   90,00\nИТОГО  90,00\nНАЛИЧНЫМИ  90,00\n")

    assert understood.receipt is not None


def test_kitchen_ticket_and_card_slip_are_no_receipts(relayed):
    """They come on the same stream."""
    link = relayed()
    link.host(compose_kitchen_ticket([(2, "Борщ"), (1, "Чай")], "ru-two-lines", number="12"))
    link.host(compose_text(["ПАО БАНК", "ОПЛАТА", "СУММА (РУБ): 135.00", "ОДОБРЕНО"], "ru-two-lines"))

    assert [DocumentKind.KITCHEN, DocumentKind.OTHER] == [document.kind for document in link.documents]
    assert [None, None] == [document.receipt for document in link.documents]


# ── Arithmetic ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Хлеб  2 x 45,00   90,00\nИТОГО  95,00\n", "lines make 90.00, the total says 95.00"),
        ("Хлеб  2 x 45,00   95,00\nИТОГО  95,00\n", "2 x 45.00 is not 95.00"),
        ("Хлеб  2 x 45,00   90,00\nИТОГО  90,00\nНАЛИЧНЫМИ  100,00\n", "tenders"),
        ("Хлеб  2 x 45,00   90,00\nПОДЫТОГ  80,00\nИТОГО  90,00\n", "do not make 'ПОДЫТОГ  80,00'"),
        ("Хлеб  1 x 90,00   90,00\nСКИДКА  10,00\nИТОГО  90,00\n", "lines make 80.00"),
        ("3 Bagels   10.00\nTOTAL   10.00\n", "does not divide by 3"),
        ("Хлеб  2 x 45,00   90,00\nЧай  1 x 5,00  -5,00\nИТОГО  85,00\n", "negative"),
    ],
)
def test_what_does_not_add_up_is_no_receipt(text, problem):
    """It is kept raw, and the problem says which numbers disagree."""
    layouts = ("en-quantity-first",) if "Bagels" in text else ("ru-one-line",)
    understood = understand(text, layouts=layouts)

    assert understood.receipt is None
    assert problem in understood.problems[0]


def test_the_fiscal_code_confirms_or_forbids():
    """The QR code carries time, total and kind; paper that disagrees was misread."""
    text = "Хлеб\n 2 x 45.00 =90.00\nИТОГ =90.00\n"
    good = "t=20260512T1230&s=90.00&fn=9999078900000000&i=4567&fp=123456789&n=1"
    returned = good.replace("n=1", "n=2")

    receipt = understand(text, codes=(good,)).receipt
    assert ("4567", datetime(2026, 5, 12, 12, 30, tzinfo=MOSCOW)) == (receipt.number, receipt.closed_at)
    assert DocumentKind.RETURN == understand(text, codes=(returned,)).receipt.kind
    assert "95.00" in understand(text, codes=(good.replace("90.00", "95.00"),)).problems[0]


def test_a_reprint_is_the_same_receipt_and_an_unnamed_one_is_new():
    """The uid comes from number and time; without them from the caller."""
    named = understand(FISCAL).receipt.uid
    unnamed = understand("Хлеб  2 x 45,00   90,00\nИТОГО  90,00\n").receipt.uid

    assert named == understand(FISCAL).receipt.uid
    assert re.fullmatch(r"p-[0-9a-f]{24}", named)
    assert "p-new" == unnamed
    assert (
        named
        != receipt_reader(EscposSettings(), device="other", new_uid=lambda: "x")
        .understand(Printed(lines=tuple(FISCAL.strip().split("\n")), codes=(), codecs={}))
        .receipt.uid
    )


def test_buddhist_years_and_zone():
    """Thai tills count from 543 before."""
    understood = understand(
        "เลขที่ 55\nวันที่ 12/05/2569 เวลา 12:30\nนมสด  2 x 45.00   90.00\nยอดสุทธิ  90.00\nเงินสด  100.00\nเงินทอน  10.00\n",
        currency="THB",
        utc_offset_minutes=420,
    )

    assert datetime(2026, 5, 12, 12, 30, tzinfo=timezone(timedelta(hours=7))) == understood.receipt.closed_at


def test_a_layout_of_ones_own(tmp_path):
    """A store's own words in a file of three lines."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\nwords = ["en"]\nitems = ["{name} {count}st {sum}"]\n[own]\ntotal = ["YHTEENSÄ"]\n', "utf-8"
    )
    understood = understand("Maito 2st 3,80\nYHTEENSÄ 3,80\n", layouts=(str(path),), currency="EUR")

    assert ("mine", "1.90 EUR") == (understood.layout, str(understood.receipt.lines[0].price))


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("title = 1\n", ("mine.toml", "title")),
        ("title = 'x'\nitems = ['{name} {sum}']\nwrods = ['en']\n", ("wrods",)),
        ("title = 'x'\nitems = ['{name} {price}']\nwords = ['en']\n", ("{sum}",)),
        ("title = 'x'\nitems = ['{nmae} {sum}']\nwords = ['en']\n", ("{nmae}",)),
        ("title = 'x'\nitems = ['{name} {sum}']\nwords = ['xx']\n", ("xx", "ru")),
        ("= \n", ("TOML",)),
    ],
)
def test_a_wrong_layout_is_named(tmp_path, content, names):
    """The sentence names the file and the key at fault."""
    path = tmp_path / "mine.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(SettingsError) as error:
        reader_of(layouts=(str(path),))

    for name in names:
        assert name in str(error.value)


def test_unknown_names_are_settings_errors():
    """A layout, a profile, a zone that does not exist."""
    for chosen in ({"layouts": ("nonsense",)}, {"profile": "nonsense"}, {"zone": "Mars/Olympus"}):
        with pytest.raises(SettingsError):
            conversation(EscposSettings(**chosen), device="printer")


# ── Properties ──────────────────────────────────────────────────────────────────────────────────

WORDS = ["Milk 3.2%", "Coffee", "7up 0.5", "Bread", "Tea No 5", "Bag", "Cash cow", "Total clean", "Set 2x4", "A"]


@st.composite
def receipts(draw, *, whole_only):
    lines = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        price = rub(f"{draw(st.integers(1, 999_999))}").with_minor(draw(st.integers(1, 99_999_99)))
        steps = draw(st.integers(1, 30)) * 1_000_000
        if not whole_only and draw(st.booleans()):
            steps = draw(st.integers(1, 30_000)) * 1_000
        quantity = Quantity(steps)
        gross = line_total(price, quantity)
        assume(gross.minor > 0)
        off = draw(st.integers(0, gross.minor)) if draw(st.booleans()) else 0
        lines.append(
            Line(
                number=number,
                name=draw(st.sampled_from(WORDS)),
                quantity=quantity,
                price=price,
                discount=gross.with_minor(off) if off else None,
                total=gross.with_minor(gross.minor - off),
            )
        )
    made = sum(line.total.minor for line in lines)
    adjustment = draw(st.integers(-made, 100)) if draw(st.booleans()) else 0
    total = made + adjustment
    tenders, change = [], 0
    if total and draw(st.booleans()):
        change = draw(st.integers(0, 5000))
        tenders = [Tender(kind=TenderKind.CASH, amount=Money(total + change, "RUB"))]
    elif total > 1:
        part = draw(st.integers(1, total - 1))
        tenders = [
            Tender(kind=TenderKind.CARD, amount=Money(part, "RUB")),
            Tender(kind=TenderKind.CERTIFICATE, amount=Money(total - part, "RUB")),
        ]
    return Receipt(
        uid="x",
        kind=draw(st.sampled_from([DocumentKind.SALE, DocumentKind.RETURN])),
        lines=tuple(lines),
        total=Money(total, "RUB"),
        adjustment=Money(adjustment, "RUB") if adjustment else None,
        tenders=tuple(tenders),
        change=Money(change, "RUB") if change else None,
        number="42",
        closed_at=datetime(2026, 5, 12, 12, 30, 5, tzinfo=MOSCOW),
    )


def read_back(receipt, style):
    link = conversation(EscposSettings(), device="printer", new_uid=lambda: "p-new")
    steps = [*link.from_host(compose_receipt(receipt, style), 0.0), *link.host_gone(0.0)]
    documents = [step.document for step in steps if hasattr(step, "document")]
    assert 1 == len(documents)
    return documents[0]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_what_a_till_prints_is_read_back_or_refused(data):
    """In every style the receipt that comes back is the one that was printed, or there is none and a reason."""
    _printed_is_read_back_or_refused(data)


@pytest.mark.soak
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_soak_what_a_till_prints_is_read_back_or_refused(data):
    """The same, for long."""
    _printed_is_read_back_or_refused(data)


def _printed_is_read_back_or_refused(data):
    style = STYLES[data.draw(st.sampled_from(sorted(STYLES)))]
    receipt = data.draw(receipts(whole_only=style.shape == "quantity-first"))
    document = read_back(receipt, style)
    if document.receipt is None:
        assert document.problems
    else:
        # A narrow line cuts a long name, never a number.
        printed = [(line.name, found.name) for line, found in zip(receipt.lines, document.receipt.lines, strict=True)]
        assert all(name.startswith(found) for name, found in printed)
        lines = [replace(line, name=found) for line, (_, found) in zip(receipt.lines, printed, strict=True)]
        assert essence(replace(receipt, lines=tuple(lines))) == essence(document.receipt)


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_is_read(style):
    """An ordinary receipt is read back whole in every style."""
    receipt = sample_receipt()

    assert essence(receipt) == essence(read_back(receipt, style).receipt)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_wrong_digit_never_makes_a_wrong_receipt(data):
    """Any digit on the paper misprinted: the receipt still adds up, or there is none."""
    _a_wrong_digit_is_noticed(data)


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_soak_a_wrong_digit_never_makes_a_wrong_receipt(data):
    """The same, for long."""
    _a_wrong_digit_is_noticed(data)


def _a_wrong_digit_is_noticed(data):
    style = data.draw(st.sampled_from(sorted(STYLES)))
    stream = bytearray(compose_receipt(sample_receipt(), style))
    places = [index for index, byte in enumerate(stream) if 0x30 <= byte <= 0x39]
    stream[data.draw(st.sampled_from(places))] = 0x30 + data.draw(st.integers(0, 9))
    link = conversation(EscposSettings(), device="printer", new_uid=lambda: "p-new")
    for step in [*link.from_host(bytes(stream), 0.0), *link.host_gone(0.0)]:
        receipt = getattr(step, "document", None) and step.document.receipt
        if receipt is not None:
            _assert_adds_up(receipt)
            assert sample_receipt().total == receipt.total


def _assert_adds_up(receipt):
    for line in receipt.lines:
        off = line.discount.minor if line.discount else 0
        slack = 0 if line.quantity.is_whole else 1
        assert abs(line_total(line.price, line.quantity).minor - off - line.total.minor) <= slack
    adjustment = receipt.adjustment.minor if receipt.adjustment else 0
    assert receipt.total.minor == sum(line.total.minor for line in receipt.lines) + adjustment
    if receipt.tenders:
        change = receipt.change.minor if receipt.change else 0
        assert receipt.total.minor == sum(tender.amount.minor for tender in receipt.tenders) - change


# ── Nothing on paper makes the reader fail or dawdle ────────────────────────────────────────────

_SCRAPS = st.sampled_from(
    ["ИТОГО", "TOTAL", "НАЛИЧНЫМИ", "СДАЧА", "СКИДКА", "CASH", "รวม", "ВОЗВРАТ", "Чек №", "x", "*", "=", "-", "%", " ", "  ", "1", "2.00", "0,351",
     "1 234,50", "-5.00", "๑๒.๐๐", "٣٫٥", "31.02.2026", "12.05.26 12:30", "99:99", "00.00.0000", "Молоко", "\n", "\n", "₽", "№"],
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(_SCRAPS, max_size=60).map("".join)))
def test_no_text_makes_the_reader_raise(text):
    """Scraps of receipts in any order are a receipt that adds up, or none with a reason."""
    understood = understand(text)
    if understood.receipt is None:
        assert understood.problems
    else:
        _assert_adds_up(understood.receipt)


def test_thai_digits_are_digits():
    """Some Thai tills print them."""
    understood = understand("นมสด  ๒ x ๔๕.๐๐   ๙๐.๐๐\nยอดสุทธิ  ๙๐.๐๐\n", currency="THB")

    assert "90.00 THB" == str(understood.receipt.total)


@pytest.mark.parametrize(
    "line",
    ["ИТОГ" + ":" * 990 + "x", "ИТОГ" + " -" * 490 + "x", "1 " * 500, "1,1" * 330, " " * 999 + "x", "И " * 500, "= " * 500 + "1",
     "ИТОГ 1" + "." * 990, "Молоко " + "1 x 1 " * 160, "1 234 " * 160, "*" * 500 + "КОПИЯ" + "*" * 490 + "1"],
    ids=range(11),
)  # fmt: skip
def test_no_line_takes_long(line):
    """A line made to send an expression astray is read in a moment, like any other."""
    started = perf_counter()
    understand("\n".join([line] * 20))

    assert perf_counter() - started < 5.0


def test_a_policy_on_top_is_no_return():
    """The law on returns may stand above the items."""
    text = "Обмен и возврат товара в течение 14 дней\nХлеб  2 x 45,00   90,00\nИТОГО  90,00\n"

    assert DocumentKind.SALE == understand(text).kind


def test_an_endless_document_is_not_read():
    """It is kept with the reason, and the till does not wait."""
    understood = understand("Хлеб  2 x 45,00   90,00\n" * 2_000)

    assert "2000 lines" in understood.problems[0]
