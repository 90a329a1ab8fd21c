"""Gift certificates at the centre: money that is paid once, kept for one receipt at a time, and comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from central import schema
from central.certificate_desk import block_certificate, make_certificate, show_certificate, top_up_certificate
from central.certificate_holds import PIN_FAILURES_MAX, ask_certificate
from central.certificates import imbalanced_certificates
from central.errors import CentralStartError, Refusal
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.decision import CertificateUsed
from drivers.vocabulary.money import Quantity

CODE = "GIFT-0000-0001"


def make(centre: Any, words: Any, minor: int = 10_000, **more: Any) -> str:
    with centre.database.write() as connection:
        return make_certificate(connection, CODE, words.rub(minor), now=centre.now, **more).id


def ask(centre: Any, *, code: str = CODE, till: str = "t1", uid: str | None = "r1", pin: str = "") -> CertificateGrant:
    wanted = CertificateWanted(code=code, pin=pin, receipt_uid=uid)
    with centre.database.write() as connection:
        return ask_certificate(connection, wanted, till=till, new_id=f"h-{till}-{uid}", now=centre.now)


def balance(centre: Any) -> int:
    with centre.database.write() as connection:
        assert [] == imbalanced_certificates(connection)
        return show_certificate(connection, CODE, now=centre.now)[0].balance.minor


def paid(words: Any, uid: str, name: str, amount: int, *, left: int = 0, burned: int = 0, total: int = 10_000) -> Any:
    """A sale that a certificate paid a part of."""
    effect = CertificateUsed(code=name, amount=words.rub(amount), left=words.rub(left), burned=words.rub(burned))
    sale = words.sale(uid, customer=None, minor=total)
    return replace(sale, decision=replace(sale.decision, effects=(effect,)))


def part(words: Any, uid: str, minor: int) -> Any:
    """A return of a part of r1: a tenth of a piece, whatever it cost."""
    back = words.refund(uid, "r1", minor=minor)
    line = replace(back.receipt.lines[0], quantity=Quantity.parse("0.1"), price=words.rub(minor * 10))
    return replace(back, receipt=replace(back.receipt, lines=(line,)))


def test_the_code_is_not_kept(centre: Any, words: Any) -> None:
    """Only a keyed hash and four characters, whatever form it is asked in."""
    name = make(centre, words)
    with centre.database.read() as connection:
        row = connection.execute(select(schema.certificate)).one()

    assert CODE not in str(row)
    assert "GIFT" not in str(row)
    assert ("****0001", name) == (row.mask, row.id)
    assert ask(centre, code="gift 0000 0001").certificate == ask(centre).certificate


def test_it_is_kept_for_one_receipt(centre: Any, words: Any) -> None:
    """Asking again is the same hold; another receipt waits until time is up."""
    make(centre, words)
    first, again = ask(centre), ask(centre)
    other = ask(centre, till="t2", uid="r2")
    looked = ask(centre, till="t2", uid=None)
    centre.now += timedelta(seconds=901)
    later = ask(centre, till="t2", uid="r2")

    assert first.certificate is not None
    assert (10_000, first.hold) == (first.certificate.balance.minor, again.hold)
    assert ("certificate_held", "certificate_held") == (other.reason, looked.reason)
    assert later.certificate is not None


def test_a_sale_takes_the_money_once_and_frees_the_rest(centre: Any, words: Any) -> None:
    """By the name the centre gave, or by the code itself; a closed receipt holds nothing more."""
    name, pen = make(centre, words), words.Pen()
    ask(centre)
    envelope = pen.write(paid(words, "r1", name, 3_000, left=7_000))
    centre.take(envelope)
    centre.take(envelope)

    assert 7_000 == balance(centre)
    with pytest.raises(Refusal, match="closed already"):
        ask(centre)

    centre.take(pen.write(paid(words, "r2", CODE, 2_000, left=5_000)))

    assert 5_000 == balance(centre)


def test_a_given_up_receipt_frees_its_certificate(centre: Any, words: Any) -> None:
    """By the envelope of the cancel."""
    from drivers.vocabulary.facts import HoldReleased

    make(centre, words)
    grant = ask(centre)
    centre.take(words.Pen().write(HoldReleased(receipt_uid="r1", hold=grant.hold)))

    assert ask(centre, till="t2", uid="r2").certificate is not None


def test_money_that_two_tills_took_is_seen(centre: Any, words: Any) -> None:
    """Both sales count; the balance says by how much."""
    name = make(centre, words, 5_000)
    centre.take(words.Pen(till="t1").write(paid(words, "r1", name, 5_000)), till="t1")
    answer = centre.take(words.Pen(till="t2").write(paid(words, "r2", name, 4_000)), till="t2")

    assert -4_000 == balance(centre)
    assert "4000 minor units too little" in answer.verdicts[0].reason


@pytest.mark.parametrize("parts", [(10_000,), (4_000, 6_000), (1_000, 3_333, 5_667)])
def test_a_return_puts_the_money_back(centre: Any, words: Any, parts: tuple[int, ...]) -> None:
    """In any partition: what was paid comes back first to the certificate, what was burned with the last part."""
    name, pen = make(centre, words, 8_000, burns=True), words.Pen()
    centre.take(pen.write(paid(words, "r1", name, 6_000, burned=2_000)))

    assert 0 == balance(centre)

    for place, minor in enumerate(parts):
        centre.take(pen.write(part(words, f"x{place}", minor)))

    assert 8_000 == balance(centre)


def test_a_pin_is_asked_and_guessing_ends(centre: Any, words: Any) -> None:
    """Until the operator lets it pay again."""
    make(centre, words, pin="4321")
    reasons = [ask(centre).reason, ask(centre, pin="1111").reason]
    right = ask(centre, pin="4321")
    reasons += [ask(centre, pin="1111").reason for _ in range(PIN_FAILURES_MAX)]
    locked = ask(centre, pin="4321").reason
    with centre.database.write() as connection:
        block_certificate(connection, CODE, blocked=False, now=centre.now)

    assert ["certificate_pin_needed", *["certificate_pin_wrong"] * (PIN_FAILURES_MAX + 1)] == reasons
    assert right.certificate is not None
    assert "certificate_locked" == locked
    assert ask(centre, pin="4321").certificate is not None


def test_the_operator_tops_up_and_blocks(centre: Any, words: Any) -> None:
    """Each step is a row that says why."""
    assert "certificate_unknown" == ask(centre).reason
    make(centre, words)
    with centre.database.write() as connection:
        top_up_certificate(connection, CODE, words.rub(500), now=centre.now)
        block_certificate(connection, CODE, blocked=True, now=centre.now)
        _, moves = show_certificate(connection, CODE, now=centre.now)

    assert [("opening", 10_000), ("top_up", 500)] == [(one.reason, one.amount.minor) for one in moves]
    assert "certificate_blocked" == ask(centre).reason


@pytest.mark.parametrize(
    ("code", "amount", "more", "why"),
    [
        ("short", 100, {}, "8 to 64 letters"),
        (CODE, 0, {}, "more than nothing"),
        (CODE, 100, {"pin": "12"}, "4 to 12 digits"),
        ("GIFT00000000", 100, {}, "with this code already"),
    ],
)
def test_what_cannot_be_made_is_said(centre: Any, words: Any, code: str, amount: int, more: Any, why: str) -> None:
    """In one sentence."""
    with centre.database.write() as connection:
        make_certificate(connection, "GIFT-0000-0000", words.rub(1), now=centre.now)
    with pytest.raises(CentralStartError, match=why), centre.database.write() as connection:
        make_certificate(connection, code, words.rub(amount), now=centre.now, **more)
