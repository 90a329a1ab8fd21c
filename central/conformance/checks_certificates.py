"""Checks of gift certificates: asked for, kept for one receipt, paid with once, and filled again by a return."""

from __future__ import annotations

import secrets

from central.conformance.bench import Bench
from central.conformance.goods import new_uid, returned
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from central.conformance.wire import Answer
from drivers.vocabulary import codec
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.facts import HoldReleased
from drivers.vocabulary.money import Money

__all__: list[str] = []


def _ask(
    bench: Bench, till: Till, *, uid: str | None = None, code: str = "", pin: str | None = None
) -> CertificateGrant:
    wanted = CertificateWanted(
        code=code or bench.wanted.certificate, pin=bench.wanted.pin if pin is None else pin, receipt_uid=uid, ttl_s=600
    )
    answer = till.post("certificates", wanted)
    expect(answer.status == 200, "200 with a grant", answer)
    return _read(answer)


def _read(answer: Answer) -> CertificateGrant:
    try:
        return codec.decode(answer.body, CertificateGrant)
    except codec.WireError as error:
        expect(False, "a grant that tills can read", error)  # noqa: FBT003 - it is not
        raise


def _balance(grant: CertificateGrant) -> Money:
    expect(grant.certificate is not None, "a certificate with a balance", grant.reason or "none")
    assert grant.certificate is not None
    return grant.certificate.balance


@check(
    "certificate-nobody",
    "G6",
    "a code that nobody made pays nothing: certificate_unknown",
    step="answer 200 with the reason `certificate_unknown`",
    needs=("token",),
)
def unknown(bench: Bench) -> None:
    """No such certificate."""
    grant = _ask(bench, bench.a, code=f"NOBODY-{secrets.token_hex(8)}", pin="")
    expect_equal("certificate_unknown", grant.reason, "reason")


@check(
    "certificate",
    "G3",
    "a certificate says what it pays; kept for one receipt it is nobody else's, and asking again keeps the same",
    step="name what is kept by till, receipt and certificate; answer `certificate_held` to everybody else",
    needs=("certificate-nobody", "enrol-second"),
)
def held(bench: Bench) -> str:
    """Two tills want it."""
    if not bench.wanted.certificate:
        raise Skipped("give --certificate CODE of one with something on it, or --database of our server")
    uid = new_uid()
    there = _balance(_ask(bench, bench.a))
    first, again = _ask(bench, bench.a, uid=uid), _ask(bench, bench.a, uid=uid)
    expect_equal((there, True), (_balance(first), bool(first.hold)), "balance and a hold:")
    expect_equal(first.hold, again.hold, "the same hold again:")
    expect_equal("certificate_held", _ask(bench, bench.b, uid=new_uid()).reason, "the other till's reason:")
    bench.a.settle(HoldReleased(receipt_uid=uid, hold=first.hold))
    expect_equal(there, _balance(_ask(bench, bench.b)), "what the other till is told when it was given back:")
    bench.notes["certificate"] = there
    return str(there)


@check(
    "certificate-pin",
    "G5",
    "a certificate with a PIN pays nothing without it",
    step="answer `certificate_pin_needed` and `certificate_pin_wrong`",
    needs=("certificate",),
)
def pin(bench: Bench) -> None:
    """Without, and with a wrong one; never a wrong one for a certificate that is somebody's."""
    if not bench.wanted.pin:
        raise Skipped("the certificate has no PIN, or --certificate-pin was not given")
    expect_equal("certificate_pin_needed", _ask(bench, bench.a, pin="").reason, "reason")
    if bench.wanted.certificate_is_ours:
        wrong = "0000" if bench.wanted.pin != "0000" else "1111"
        expect_equal("certificate_pin_wrong", _ask(bench, bench.a, pin=wrong).reason, "reason")
        _balance(_ask(bench, bench.a))


@check(
    "certificate-pays",
    "G2",
    "what a sale paid with a certificate is gone from it once, and a return puts it back",
    step="move the certificate's balance in the transaction that applies the sale or its return",
    needs=("certificate", "upload"),
)
def pays(bench: Bench) -> None:
    """Only with one that was made for this."""
    if not bench.wanted.certificate_is_ours:
        raise Skipped("a certificate that is somebody's is only asked for; --database makes one for this")
    uid, there = new_uid(), bench.notes["certificate"]
    grant = _ask(bench, bench.a, uid=uid)
    name = grant.certificate.code if grant.certificate is not None else ""
    amount = Money(2_500, there.currency)
    left = Money(there.minor - amount.minor, there.currency)
    fact = bench.sell(bench.a, None, uid=uid, certificate=(name, amount, left), hold=grant.hold)
    expect_equal(left, _balance(_ask(bench, bench.b)), "after the sale:")
    expect(bench.a.settle(fact)[-1].get("state") == "duplicate", "`duplicate` for the sale sealed again", "another")
    expect_equal(left, _balance(_ask(bench, bench.b)), "after the sale came twice:")
    bench.a.settle(returned(fact))
    bench.sales.remove((bench.a, fact))
    expect_equal(there, _balance(_ask(bench, bench.b)), "after the return:")
