"""Codes of closed receipts: the fiscal QR in any order of its keys, our claim code, and everything that is neither."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.checkout.codes.receipt_codes import ReceiptCode, read_receipt_code
from drivers.vocabulary.claims import claim_code

QR = "t=20150720T1638&s=9999.00&fn=9999078900004792&i=12345678&fp=123456&n=1"
READ = ReceiptCode(
    printed_at=datetime(2015, 7, 20, 16, 38),  # noqa: DTZ001 - the shop's local time
    total_minor=999_900,
    memory="9999078900004792",
    document=12345678,
    sign=123456,
)


@pytest.mark.parametrize(
    "text",
    [
        QR,
        "&".join(reversed(QR.split("&"))),
        QR.replace("T1638", "T163800"),
        QR.replace("s=9999.00", "s=9999"),
        QR.replace("s=9999.00", "s=9999,0"),
        QR.replace("i=12345678", "i=0012345678"),
    ],
)
def test_a_fiscal_code_is_read(text):
    """Keys in any order, seconds or none, kopecks or none."""
    assert READ == read_receipt_code(text)
    assert "f-9999078900004792-12345678-123456" == READ.uid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fn=",
        QR.replace("&n=1", ""),
        QR + "&n=2",
        QR.replace("20150720", "20151320"),
        QR.replace("T1638", ""),
        QR.replace("9999.00", "9999.001"),
        QR.replace("9999.00", "-1"),
        QR.replace("i=12345678", "i=x"),
        QR.replace("fp=123456", "fp="),
        QR + "&x=" + "1" * 200,
        "&".join(f"fn={number}" for number in range(60)),
        "https://shop.example/?fn=1",
        "7K4M0Q-2Y",
        "4600000000015",
    ],
)
def test_what_names_no_receipt(text):
    """Half a code, a doubled key, another time than there is, a long one, a link."""
    assert read_receipt_code(text) is None


def test_a_claim_code_is_read_as_people_type_it():
    """In small letters, with O for 0."""
    claim = claim_code("t1", "r-1")

    assert claim == read_receipt_code(claim).claim
    assert claim == read_receipt_code(claim.lower().replace("0", "o")).claim
    assert "" == read_receipt_code(claim).uid


@settings(deadline=None)
@given(st.text(alphabet="tsfnip=&0123456789T.,%+ ж", max_size=90))
def test_no_text_makes_it_fail(text):
    """Whatever is scanned."""
    for one in (text, "fn=" + text, QR + text, QR.replace("20150720T1638", text)):
        found = read_receipt_code(one)
        assert found is None or found.memory or found.claim
