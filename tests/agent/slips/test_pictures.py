"""Slips as they come out of our own printer, as pictures in docs/pictures/slips; remade with TILLPOINT_REMAKE=1."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.loyalty import Programme, load
from agent.slips.compose import SlipStyle, sale_slip
from agent.slips.names import names_of
from agent.slips.own import own_slip
from agent.slips.text import column_width
from drivers.printers.escpos import EscposSlipSettings, slip_driver
from drivers.printers.escpos.drawing import fonts, missing
from drivers.printers.escpos.models import profile_named
from drivers.printers.escpos.picture import picture_of
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.decision import CouponIssued, Decision, LineDiscount, PointsEarned, PointsSpent
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from drivers.vocabulary.slips import PartKind, Slip

PICTURES = Path(__file__).resolve().parents[3] / "docs" / "pictures" / "slips"
WIDTHS = (32, 42, 48)
#: Programme, shop, a rule, a coupon; currency and zone of a shop that speaks so.
SHOPS = {
    "en": ("Club", "Corner Shop, 5 High Street", "Points for all", "Come again", "EUR", "Europe/Dublin"),
    "ru": ("Клуб «У дома»", "Магазин «У дома», ул. Садовая, 5", "Баллы за всё", "Приходите", "RUB", "Europe/Moscow"),
    "th": ("คลับเพื่อนบ้าน", "ร้านเพื่อนบ้าน ถนนสุขุมวิท", "คะแนนทุกบิล", "กลับมาอีกนะ", "THB", "Asia/Bangkok"),
}
PROGRAMME = """
version = 1
title = "{0}"
currency = "{4}"
zone = "{5}"
units.bonus = {{ title = "bonus", worth = "1.00 {4}" }}
coupons.again = {{ title = "{3}" }}

[[rules]]
id = "base"
title = "{2}"
kind = "earn_points"
unit = "bonus"
percent = "5"

[[rules]]
id = "next"
kind = "issue_coupon"
coupon = "again"
"""
CLOSED_AT = datetime(2026, 11, 22, 11, 5, tzinfo=UTC)


def slip_of(language: str, columns: int) -> Slip:
    """1240 before, 300 spent, 62 earned: 1002 after; a coupon for the next time."""
    currency, zone = SHOPS[language][4], ZoneInfo(SHOPS[language][5])

    def money(text: str) -> Money:
        return Money.of(text, currency)

    programme = load(PROGRAMME.format(*SHOPS[language]).encode(), name="p.toml")
    assert isinstance(programme, Programme), [str(one) for one in programme]
    style = SlipStyle(
        language=language,
        zone=zone,
        title=programme.title,
        names=names_of(programme, language),
        qr="https://club.example/?c={claim}",
    )
    decision = Decision(
        programme_version=1,
        total=money("1540"),
        discount=money("300"),
        payable=money("1240"),
        effects=(
            LineDiscount(line=1, rule="points", amount=money("300")),
            PointsSpent(unit="bonus", amount=300, worth=money("300")),
            PointsEarned(unit="bonus", amount=62, rule="base"),
            CouponIssued(
                code="K7Q2M8X4T9", coupon="again", rule="next", valid_until=datetime(2026, 12, 31, tzinfo=UTC)
            ),
        ),
    )
    lines = sale_slip(
        style,
        decision,
        customer_mask="+7900***01",
        tier="",
        before=(PointsBalance(unit="bonus", available=1240),),
        after=(
            PointsBalance(
                unit="bonus", available=1002, expiring=150, expiring_at=datetime(2026, 11, 30, 12, tzinfo=UTC)
            ),
        ),
        claim="7K4M0Q-2X",
    )
    receipt = Receipt(
        uid="17-2-1001",
        number="1001",
        kind=DocumentKind.SALE,
        total=money("1240"),
        lines=(
            Line(
                number=1, name="goods", quantity=Quantity.ONE, price=money("1540"), discount=money("300"),
                total=money("1240"),
            ),
        ),
        closed_at=CLOSED_AT,
    )  # fmt: skip
    return own_slip(
        receipt, lines, closed_at=CLOSED_AT, header=(SHOPS[language][1],), language=language, zone=zone, columns=columns
    )


def text_of(slip: Slip) -> list[str]:
    return [part.text for part in slip.parts if part.kind in {PartKind.TEXT, PartKind.TITLE}]


def last_number(line: str) -> int:
    """1 240 or 1,240 or -300, at the right edge."""
    found = re.search(r"([+-]?\d[\d ,]*)$", line)
    assert found is not None, line
    return int(found[1].replace(" ", "").replace(",", ""))


@pytest.mark.parametrize("language", SHOPS)
@pytest.mark.parametrize("columns", [32, 36, 42, 44, 48, 56, 64])
def test_no_line_is_wider_than_its_paper_and_the_points_add_up(language: str, columns: int) -> None:
    """before - spent + earned = after, as the customer reads it."""
    lines = text_of(slip_of(language, columns))
    before = next(place for place, line in enumerate(lines) if line.endswith(("1 240", "1,240")))
    was, spent, earned, _, now = (last_number(line) for line in lines[before : before + 5])

    assert [] == [line for line in lines if column_width(line) > columns]
    assert now == was + spent + earned == 1002


@pytest.mark.parametrize("language", SHOPS)
def test_the_codes_of_the_slip(language: str) -> None:
    """The coupon as a barcode, the way to the balance as a QR code with the receipt's own code in it."""
    codes = [(part.kind, part.text) for part in slip_of(language, 42).parts if part.kind is not PartKind.TEXT]

    assert (PartKind.BARCODE, "K7Q2M8X4T9") in codes
    assert (PartKind.QR, "https://club.example/?c=7K4M0Q-2X") in codes


@pytest.mark.parametrize("language", SHOPS)
@pytest.mark.parametrize("columns", WIDTHS)
def test_the_picture_is_as_it_was_read_and_found_good(language: str, columns: int) -> None:
    """The bytes for the printer, through our own reader of them, dot by dot."""
    slip = slip_of(language, columns)
    if missing("".join(text_of(slip))):
        pytest.skip("SKIPPED LOUDLY: no font here has these letters (fonts-dejavu-core, fonts-thai-tlwg)")
    settings = EscposSlipSettings(columns=columns)
    stream = slip_driver.conversation(settings, device="slips").render(slip)
    picture = picture_of(stream, profile=profile_named("auto"), columns=columns)
    file = PICTURES / f"{language}-{columns}.png"
    if os.environ.get("TILLPOINT_REMAKE"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture.save(file, optimize=True)
        (PICTURES / "made-with.json").write_text(json.dumps(tools(), indent=2) + "\n")

    assert columns * 12 + 32 == picture.size[0]
    if tools() != json.loads((PICTURES / "made-with.json").read_text()):
        pytest.skip("SKIPPED LOUDLY: other fonts or another Pillow than the pictures were made with")
    from PIL import Image, ImageChops

    with Image.open(file) as kept:
        assert kept.size == picture.size
        assert ImageChops.logical_xor(kept.convert("1"), picture).getbbox() is None


def tools() -> dict[str, str]:
    """What decides how a letter looks: fonts and Pillow."""
    import PIL

    drawn = [path for path in fonts() if path.endswith(("DejaVuSansMono.ttf", "Loma.ttf"))]
    digests = {Path(path).name: hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] for path in drawn}
    return {"pillow": PIL.__version__, **digests}
