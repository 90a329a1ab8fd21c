"""Gift certificates: a payment and never a discount, after points and before money; keeps no balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.loyalty.distribute import distribute
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.decision import CertificateUsed

__all__ = ["CERTIFICATES_RULE", "apply_certificates"]

CERTIFICATES_RULE: Final = "certificates"  # the "rule" that explanations about certificates name


def apply_certificates(sale: Sale, certificates: Sequence[CertificateFact]) -> list[CertificateUsed]:
    """Let each pay as much as is left, in the order shown; one shown twice pays once."""
    used: list[CertificateUsed] = []
    seen: set[str] = set()
    for one in certificates:
        if one.code in seen:
            continue
        seen.add(one.code)
        why = _refused(sale, one)
        if why is not None:
            sale.rejected(CERTIFICATES_RULE, why)
            continue
        used.append(_pay(sale, one))
    return used


def _refused(sale: Sale, one: CertificateFact) -> Rejection | None:
    if one.balance.currency != sale.currency:
        return Rejection("certificate_other_currency", {"certificate": one.code, "currency": one.balance.currency})
    if one.valid_from is not None and sale.instant < one.valid_from:
        return Rejection("certificate_not_yet", {"certificate": one.code, "from": one.valid_from.date().isoformat()})
    if one.valid_until is not None and sale.instant >= one.valid_until:
        return Rejection("certificate_over", {"certificate": one.code, "until": one.valid_until.date().isoformat()})
    if one.balance.minor <= 0:
        return Rejection("certificate_empty", {"certificate": one.code})
    if not sum(_payable(sale)):
        return Rejection("certificate_nothing_to_pay", {"certificate": one.code})
    return None


def _payable(sale: Sale) -> list[int]:
    """What is left to pay of each line; a certificate buys no certificate."""
    return [left if sale.certifiable >> i & 1 else 0 for i, left in enumerate(sale.left)]


def _pay(sale: Sale, one: CertificateFact) -> CertificateUsed:
    payable = _payable(sale)
    amount = min(one.balance.minor, sum(payable))
    for i, part in enumerate(distribute(amount, payable, payable)):
        sale.left[i] -= part
    sale.tender += amount
    rest = one.balance.minor - amount
    left, burned = (0, rest) if one.burns else (rest, 0)
    effect = CertificateUsed(code=one.code, amount=sale.money(amount), left=sale.money(left), burned=sale.money(burned))
    values = {"certificate": one.code, "amount": str(effect.amount)}
    if burned:
        sale.applied(CERTIFICATES_RULE, "certificate_burned", rest=str(effect.burned), **values)
    else:
        sale.applied(CERTIFICATES_RULE, "certificate_paid", rest=str(effect.left), **values)
    return effect
