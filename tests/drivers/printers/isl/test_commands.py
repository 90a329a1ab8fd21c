"""The data of commands in every dialect, the table, the status bits: written and read back, and as makers print them."""

from decimal import Decimal

import pytest

from drivers.printers.isl.commands import COMMANDS, Effect, command_of
from drivers.printers.isl.fields import (
    Modifier,
    Opening,
    Payment,
    Sale,
    read_opening,
    read_payment,
    read_sale,
    read_subtotal,
    write_opening,
    write_payment,
    write_sale,
    write_subtotal,
)
from drivers.printers.isl.models import MODELS, model_named
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.status import BITS, SENTENCES, Trouble, condition_of, status_bytes
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import TenderKind

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
UNP = "DT000001-0001-0000007"
MODIFIERS = [
    None,
    Modifier(value=Decimal(-10), is_percent=True),
    Modifier(value=Decimal("5.5"), is_percent=True),
    Modifier(value=Decimal("-0.30"), is_percent=False),
    Modifier(value=Decimal("0.20"), is_percent=False),
]


@every_model
@pytest.mark.parametrize("modifier", MODIFIERS)
def test_items_are_written_and_read_back(model, modifier):
    """Every field survives in every dialect."""
    for sale in (
        Sale(name="Мляко 3%", price=Decimal("1.20"), modifier=modifier),
        Sale(name="Cheese", price=Decimal("12.40"), quantity=Decimal("0.355"), tax="A", modifier=modifier),
        Sale(name="Void", price=Decimal("-1.20"), quantity=Decimal(2), modifier=modifier),
    ):
        assert sale == read_sale(model, write_sale(model, sale))
    assert modifier == read_subtotal(model, write_subtotal(model, modifier))


@every_model
@pytest.mark.parametrize("is_return", [False, True])
@pytest.mark.parametrize("unp", ["", UNP])
def test_openings_are_written_and_read_back(model, is_return, unp):
    """Operator, UNP and kind are the same on both sides of the wire."""
    code, data = write_opening(
        model, Opening(operator="3", unp=unp, is_return=is_return, base="17" if is_return else "")
    )
    heard = read_opening(model, code, data)

    assert ("3", unp, is_return) == (heard.operator, heard.unp, heard.is_return)


@every_model
def test_payments_are_written_and_read_back(model):
    """Each letter of the row, with and without an amount."""
    for letter in model.tenders:
        for amount in (None, Decimal("12.50")):
            payment = Payment(letter=letter, amount=amount)
            assert payment == read_payment(model, write_payment(model, payment))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Хляб\nбял\tБ1.30*2#бр,-10.00", Sale(name="Хляб бял", price=Decimal("1.30"), quantity=Decimal(2), modifier=Modifier(value=Decimal("-10.00"), is_percent=True))),
        ("Milk\tB1.20;-0.20", Sale(name="Milk", price=Decimal("1.20"), modifier=Modifier(value=Decimal("-0.20"), is_percent=False))),
        ("Milk\tB1.20$-0.20", Sale(name="Milk", price=Decimal("1.20"), modifier=Modifier(value=Decimal("-0.20"), is_percent=False))),
        ("Milk\t5\t1.20", Sale(name="Milk", price=Decimal("1.20"), tax="", department="5")),
        ("\tA0.50", Sale(name="", price=Decimal("0.50"), tax="A")),
        ("Milk", None),
        ("Milk\tZ1.20", None),
        ("Milk\tB1.20*", None),
        ("Milk\tB1e9", None),
    ],
)  # fmt: skip
def test_items_as_tills_send_them(data, expected):
    """Two-line names, units, both marks, departments; nonsense is none."""
    assert expected == read_sale(model_named("datecs-p"), data.encode("cp1251"))


def test_payment_of_everything_in_cash():
    """TAB alone, and nothing at all, are all in cash."""
    model = model_named("datecs-p")

    assert Payment() == read_payment(model, b"\t") == read_payment(model, b"")
    assert Payment(letter="D") == read_payment(model, b"\tD")
    assert Payment(letter="P", amount=Decimal(20)) == read_payment(model, b"Total\tP+20")
    assert None is read_payment(model, b"\tP1.2.3")


def test_points_of_a_pinpad():
    """Datecs X names them with type 12."""
    model = model_named("datecs-x")
    payment = read_payment(model, b"2\t3.00\t12\t")

    assert TenderKind.POINTS is model.tenders[payment.letter]


def test_the_table_is_sound():
    """Codes and names appear once; what only asks may be asked again; 2Eh cuts on Datecs X and opens elsewhere."""
    assert len(COMMANDS) == len({row.name for row in COMMANDS.values()})
    assert all(code == row.code and 0 < row.timeout_s <= 120 for code, row in COMMANDS.items())
    assert not any(COMMANDS[code].may_be_repeated for code in (0x31, 0x35, 0x38, 0x27, 0x46))
    assert Effect.PAPER is command_of(model_named("datecs-x"), 0x2E).effect
    assert Effect.RETURN is command_of(model_named("datecs-p"), 0x2E).effect
    assert "unknown" == command_of(model_named("datecs-p"), 0xE0).name


@every_model
def test_the_commands_of_a_row_are_in_the_table(model):
    """A row cannot name what nobody knows."""
    for code in (model.open_command, model.storno_command, model.cancel_command):
        assert code in COMMANDS


def test_an_unknown_model_is_named_with_those_there_are():
    """The sentence tells what to write instead."""
    with pytest.raises(SettingsError, match="datecs-p"):
        model_named("datecs")


@every_model
def test_every_trouble_of_a_model_is_seen(model):
    """Bits written by the twin's side are read back, one by one."""
    for trouble in {row[2] for row in BITS[model.status]}:
        raw = status_bytes(frozenset({trouble}), is_receipt_open=False, is_slip_open=False, meaning=model.status)
        condition = condition_of(raw, model.status)
        assert (trouble,) == condition.troubles
        assert SENTENCES[trouble] == condition.sentence
        assert all(byte & 0x80 for byte in raw)
        assert model.frame.status_size == len(raw)


def test_open_receipts_are_in_the_status():
    """2.3 fiscal, 2.5 service."""
    model = model_named("datecs-p")
    condition = condition_of(bytes.fromhex("80 80 A8 80 80 80"), model.status)

    assert condition.is_receipt_open
    assert condition.is_slip_open
    assert "" == condition.code
    assert not condition.refused


def test_the_cover_is_named_before_the_general_error():
    """The general error is the OR of the others; the cashier is told the one to act on."""
    condition = condition_of(bytes.fromhex("E0 80 81 80 80 80"), model_named("datecs-p").status)

    assert (Trouble.COVER_OPEN, Trouble.PAPER_OUT, Trouble.ERROR) == condition.troubles
    assert "E302" == condition.code
    assert condition.refused


def test_the_error_number_of_daisy_travels_along():
    """Byte 3 is a number there; the switches of Datecs are none."""
    raw = bytes.fromhex("80 80 80 93 80 80")

    assert "error 19" in condition_of(raw, model_named("daisy").status).maker_code
    assert "E306" == condition_of(raw, model_named("daisy").status).code
    assert "" == condition_of(raw, model_named("datecs-p").status).code


def test_every_trouble_has_a_sentence():
    """Nobody is left with a number."""
    assert set(Trouble) == set(SENTENCES)


def test_a_wrong_model_is_refused_with_the_settings():
    """Before anything is opened."""
    with pytest.raises(ValueError, match="known are datecs-p"):
        IslSettings(model="datecs")
