"""Gift certificates shown by their codes: what each may pay here, by the centre's word, under a lease, or by both.

Without the centre's word a certificate is known again by its lease: the end of its code finds it, a slow hash proves
it. That takes some 50 ms, and as long for a PIN, so it is done on the asking thread (`recognise`); wrong PINs are
counted on the till's own (`judge_pins`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout import writing
from agent.checkout.in_hand.value_leases import InHand, in_hand, is_ours
from agent.checkout.records import ValueKept, read, read_all, write
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.certificates import CertificateGrant, bare_code, code_mask
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.money import Money
from drivers.vocabulary.value_leases import CertificateTerms, ValueKind, slow_matches

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = [
    "Leased",
    "Recognised",
    "held_of",
    "judge_pins",
    "kept_by_centre",
    "leased_certificates",
    "recognise",
    "shown",
]

RESTORING: Final = "certificate_restoring"  # the centre promises nothing now; what is in our hand is ours all the same
_HELD: Final = "certificate_held"


@dataclass(frozen=True, slots=True)
class Leased:
    """A certificate in this till's hand: where, under which name, by which terms."""

    key: str
    name: str
    terms: CertificateTerms


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a shown code turned out to be without the centre; `pin_is_right` of one that needs none."""

    leased: Leased
    pin_was_told: bool
    pin_is_right: bool


def is_silent(grant: CertificateGrant | None) -> bool:
    """Whether the centre said nothing that counts before what is in this till's hand."""
    return grant is None or grant.reason == RESTORING


def leased_certificates(desk: DeskState) -> list[Leased]:
    """Every certificate in this till's hand."""
    kept = read_all(desk.store, "value_lease", ValueKept, prefix=f"{ValueKind.CERTIFICATE.value}/")
    return [
        Leased(key, one.signed.lease.thing, one.signed.lease.terms)
        for key, one in kept
        if one.left and one.signed.lease.terms is not None and is_ours(desk, one.signed)
    ]


def recognise(
    codes: Sequence[contract.CertificateCode], grants: Sequence[CertificateGrant | None], leased: Sequence[Leased]
) -> tuple[Recognised | None, ...]:
    """Which of the codes the centre said nothing of are in this till's hand; takes its time, knows no desk."""
    found: list[Recognised | None] = []
    for code, grant in zip_longest(codes, grants[: len(codes)]):
        found.append(_recognise_one(code, leased) if is_silent(grant) else None)
    return tuple(found)


def _recognise_one(code: contract.CertificateCode, leased: Sequence[Leased]) -> Recognised | None:
    mask, bare = code_mask(code.code), bare_code(code.code)
    for one in leased:
        if one.terms.mask == mask and slow_matches(bare, one.terms.check):
            right = not one.terms.pin or (bool(code.pin) and slow_matches(code.pin, one.terms.pin))
            return Recognised(one, bool(code.pin), right)
    return None


def judge_pins(
    desk: DeskState, grants: Sequence[CertificateGrant | None], recognised: Sequence[Recognised | None]
) -> tuple[CertificateGrant | None, ...]:
    """What this till says in the centre's stead; a wrong PIN is counted, and told to the centre in the chain."""
    judged: list[CertificateGrant | None] = []
    for grant, found in zip_longest(grants, recognised):
        judged.append(grant if found is None else _judge(desk, found))
    return tuple(judged)


def _judge(desk: DeskState, found: Recognised) -> CertificateGrant | None:
    kept = read(desk.store, "value_lease", found.leased.key, ValueKept)
    terms = found.leased.terms
    if kept is None or not kept.left:
        return None
    if terms.pin and kept.wrong_pins >= terms.pin_tries:
        return CertificateGrant(mask=terms.mask, reason="certificate_locked")
    if not found.pin_is_right:
        if not found.pin_was_told:
            return CertificateGrant(mask=terms.mask, reason="certificate_pin_needed")
        with desk.store.transaction() as tx:
            write(tx, "value_lease", found.leased.key, replace(kept, wrong_pins=kept.wrong_pins + 1))
            writing.append(desk, tx, facts.CertificatePinWrong(lease=kept.signed.lease.id), ["certificates"])
        return CertificateGrant(mask=terms.mask, reason="certificate_pin_wrong")
    if kept.wrong_pins:
        with desk.store.transaction() as tx:
            write(tx, "value_lease", found.leased.key, replace(kept, wrong_pins=0))
    fact = CertificateFact(
        code=found.leased.name,
        balance=Money(0, terms.currency),
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        burns=terms.burns,
    )
    return CertificateGrant(mask=terms.mask, certificate=fact, lease=kept.signed.lease.id)


# ── What each pays ──────────────────────────────────────────────────────────────────────────────


def shown(
    desk: DeskState,
    receipt_uid: str,
    codes: Sequence[contract.CertificateCode],
    grants: Sequence[CertificateGrant | None],
) -> tuple[contract.CertificateAnswer, ...]:
    """What became of each certificate: what the centre keeps of it for this receipt, and what is in our own hand."""
    answers: list[contract.CertificateAnswer] = []
    names: set[str] = set()
    for code, grant in zip_longest(codes, grants[: len(codes)]):
        if grant is None:
            answers.append(contract.CertificateAnswer(mask=code_mask(code.code), refused="certificate_offline"))
        elif grant.certificate is not None and grant.certificate.code in names:
            answers.append(contract.CertificateAnswer(mask=grant.mask, refused=_HELD))  # shown twice: it pays once
        elif grant.certificate is None:
            answers.append(contract.CertificateAnswer(mask=grant.mask, refused=grant.reason, elsewhere=grant.elsewhere))
        else:
            names.add(grant.certificate.code)
            answers.append(_answer(grant, grant.certificate, _hand_for(desk, grant, receipt_uid)))
    return tuple(answers)


def _answer(grant: CertificateGrant, fact: CertificateFact, hand: InHand | None) -> contract.CertificateAnswer:
    kept = _kept(grant, hand)
    left = hand.left if hand is not None else 0
    if kept + left <= 0:
        # Its own lease is not here yet, or another receipt of this till is about to use it.
        return contract.CertificateAnswer(mask=grant.mask, refused=_HELD, elsewhere=grant.elsewhere)
    whole = replace(fact, balance=fact.balance.with_minor(kept + left))
    return contract.CertificateAnswer(mask=grant.mask, certificate=whole, elsewhere=grant.elsewhere)


def kept_by_centre(desk: DeskState, receipt_uid: str, grants: Sequence[CertificateGrant | None]) -> dict[str, int]:
    """Minor units that the centre keeps of each certificate for this receipt, by its name."""
    kept: dict[str, int] = {}
    for grant in grants:
        if grant is not None and grant.certificate is not None:
            kept[grant.certificate.code] = _kept(grant, _hand_for(desk, grant, receipt_uid))
    return kept


def held_of(grants: Sequence[CertificateGrant | None]) -> dict[str, int]:
    """Minor units that the centre has just said it keeps, by the name of the certificate."""
    return {
        one.certificate.code: one.certificate.balance.minor
        for one in grants
        if one is not None and one.hold and one.certificate is not None
    }


def _hand_for(desk: DeskState, grant: CertificateGrant, receipt_uid: str) -> InHand | None:
    if not grant.lease or grant.certificate is None:
        return None
    return in_hand(desk, ValueKind.CERTIFICATE, grant.certificate.code, receipt_uid)


def _kept(grant: CertificateGrant, hand: InHand | None) -> int:
    """As the centre has just said, or as it said for an earlier quote of this receipt: it keeps it until we let go."""
    if grant.certificate is None:
        return 0
    told: int = grant.certificate.balance.minor
    return told if told or hand is None else hand.by_centre
