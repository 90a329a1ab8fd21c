"""A receipt that exists adds up; one that does not is refused by name."""

from __future__ import annotations

import pytest

from drivers.vocabulary import codec
from drivers.vocabulary.receipt import Receipt

LINE = '{"number":1,"name":"Хлеб","quantity":"2","price":"45.90 RUB","total":"91.80 RUB"}'


def receipt(**changes: str) -> str:
    """JSON of a small receipt, some fields replaced by raw JSON."""
    fields = {"uid": '"a-1"', "kind": '"sale"', "total": '"91.80 RUB"', "lines": f"[{LINE}]", **changes}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value) + "}"


def test_a_receipt_survives_its_canonical_form() -> None:
    """Bytes and back are the identity, and the bytes do not depend on the order they came in."""
    value = codec.decode(receipt(), Receipt)
    again = codec.decode(receipt(cashier='"Иванова"', uid='"a-1"'), Receipt)

    assert value == codec.decode(codec.encode(value), Receipt)
    assert codec.encode(again).index(b'"cashier"') < codec.encode(again).index(b'"kind"')


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"total": '"91.81 RUB"'}, "lines make 91.80 RUB, the total says 91.81 RUB"),
        ({"total": "91.8"}, "expected text such as"),
        ({"total": '"91.80"'}, "money is written"),
        ({"uid": '""'}, "uid"),
        ({"uid": '"a b"'}, "uid"),
        ({"kind": '"purchase"'}, "kind"),
        ({"till_name": '"x"'}, "unknown field `till_name`"),
        ({"tenders": '[{"kind":"cash","amount":"90.00 RUB"}]'}, "tenders less change make 90.00 RUB"),
        ({"tenders": '[{"kind":"cash","amount":"100.00 RUB"}]', "change": '"8.20 KZT"'}, "one currency only"),
        (
            {"lines": f"[{LINE.replace(chr(34) + 'number' + chr(34) + ':1', chr(34) + 'number' + chr(34) + ':2')}]"},
            "1, 2, 3",
        ),
        ({"lines": f"[{LINE.replace('91.80', '91.00')}]"}, "is not 91.00 RUB"),
        ({"lines": f"[{LINE.replace(chr(34) + '2' + chr(34), chr(34) + '0' + chr(34))}]"}, "quantity must be above 0"),
        ({"closed_at": '"2026-11-21T10:00:00"'}, "timezone"),
        ({"lines": "[" + ",".join([LINE] * 2001) + "]"}, "length"),
    ],
)
def test_a_wrong_receipt_is_refused_by_name(changes: dict[str, str], sentence: str) -> None:
    """The message says what does not fit."""
    with pytest.raises(codec.WireError) as refused:
        codec.decode(receipt(**changes), Receipt)

    assert sentence in str(refused.value)


def test_change_and_adjustment_are_part_of_the_sum() -> None:
    """100.00 cash less 8.20 change; a till may round the whole receipt."""
    value = codec.decode(
        receipt(
            total='"91.00 RUB"',
            adjustment='"-0.80 RUB"',
            tenders='[{"kind":"cash","amount":"100.00 RUB"}]',
            change='"9.00 RUB"',
        ),
        Receipt,
    )

    assert 9_100 == value.total.minor


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[1", b'{"uid":' * 10_000, b"nul"])
def test_broken_json_is_one_kind_of_error(data: bytes) -> None:
    """Whatever arrives, the caller catches one error."""
    with pytest.raises(codec.WireError):
        codec.decode(data, Receipt)


def test_a_line_with_several_flags_has_one_canonical_form() -> None:
    """Spirits on sale carry two flags; the bytes are the same however they came."""
    flags = ('"no_discount","alcohol","already_discounted"', '"already_discounted","alcohol","no_discount"')
    lines = [LINE.replace("}", f',"flags":[{one}]}}') for one in flags]
    written = [codec.encode(codec.decode(receipt(lines=f"[{line}]"), Receipt)) for line in lines]

    assert written[0] == written[1]
    assert b'"flags":["alcohol","already_discounted","no_discount"]' in written[0]
