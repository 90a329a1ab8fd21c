"""The pages as HTML, made of what the queries found; asks nothing and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Row

from central.operator.markup import Markup, button, link, page, table, tag
from central.operator.queries import Found
from central.words import span

__all__ = ["customer_page", "login_page", "overspend_page", "receipt_page", "refused_page", "search_page", "tills_page"]

SILENT_S = 900.0  # a till in an open shop polls every half minute
CLOCK_OFF_S = 120  # what a person should look at; leases and expiry use the centre's clock
NEVER = "never"


def login_page(trouble: str) -> Markup:
    """Where the token is typed."""
    form = Markup(
        '<form method="post" action="/operator/login"><input type="password" name="token" aria-label="token"'
        ' autocomplete="current-password" required autofocus><button>Log in</button></form>'
    )
    hint = tag("p", "The token is printed by: tillpoint central operator-token", class_="none")
    return page("Operator", tag("p", trouble, class_="bad") if trouble else "", form, hint)


def tills_page(
    tills: Sequence[Row[Any]],
    forks: Sequence[Row[Any]],
    actions: Sequence[Row[Any]],
    *,
    count: int,
    now: datetime,
    form_key: str,
) -> Markup:
    """Every till, and which are quarantined."""
    heads = ("till", "shop", "seen", "waiting", "oldest", "clock", "version", "epoch", "through", "state")
    rows = [
        (
            row.id,
            row.shop,
            _age(row.seen_at, now) if row.left_at is None else f"left on {row.left_at:%Y-%m-%d}",
            _number(row.queue_depth),
            "" if row.oldest_age_s is None else span(row.oldest_age_s),
            _offset(row.clock_offset_s),
            row.version,
            row.epoch,
            row.last_seq or 0,
            _bad("quarantined") if row.fork else _bad(row.lease_trouble) if row.lease_trouble else "",
        )
        for row in tills
    ]
    left_out = f"{count - len(rows)} more are not shown." if count > len(rows) else ""
    stopped = [
        (
            row.till,
            row.epoch,
            row.last_seq,
            row.fork,
            button("/operator/release", "Release", form_key, till=row.till, epoch=row.epoch),
        )
        for row in forks
    ]
    done = [(_moment(row.at), row.action, row.till, row.epoch, row.sequence or "") for row in actions]
    return page(
        "Tills",
        table(heads, rows, none="No till is enrolled yet: tillpoint central enrol-code makes a code."),
        tag("p", left_out, class_="none"),
        tag("h2", "Quarantined"),
        table(("till", "epoch", "through", "why", ""), stopped, none="None."),
        tag("h2", "Done by operators"),
        table(("when", "what", "till", "epoch", "envelope"), done, none="Nothing yet."),
        form_key=form_key,
    )


def refused_page(rows: Sequence[Row[Any]], *, count: int, form_key: str) -> Markup:
    """Envelopes without an effect that nobody has acknowledged."""
    shown = [
        (
            row.till,
            f"{row.epoch}/{row.sequence}",
            row.kind,
            _moment(row.received_at),
            row.reason,
            button(
                "/operator/acknowledge",
                "Acknowledge",
                form_key,
                till=row.till,
                epoch=row.epoch,
                sequence=row.sequence,
            ),
        )
        for row in rows
    ]
    words = f"{count} wait for a person." if count else ""
    heads = ("till", "envelope", "kind", "received", "why", "")
    return page("Refused", tag("p", words), table(heads, shown, none="Nothing waits."), form_key=form_key)


def overspend_page(
    owing: Sequence[Row[Any]],
    coupons: Sequence[Row[Any]],
    certificates: Sequence[Row[Any]],
    leases: Sequence[Row[Any]],
    *,
    form_key: str,
) -> Markup:
    """What was spent twice while tills were apart."""
    people = [(_customer(row.id), row.name, row.phone, _units(row.deficits)) for row in owing]
    uses = [
        (row.serial, _receipt(row.receipt_uid), row.till, _customer(row.customer), _moment(row.at)) for row in coupons
    ]
    below = [(row.mask, _bad(row.balance_minor)) for row in certificates]
    overused = [(row.till, row.kind, row.thing, row.amount, _bad(row.used), row.id) for row in leases]
    return page(
        "Overspend",
        tag("p", "Points, coupons and certificates that two tills took while they could not ask. The sales stand."),
        tag("h2", "Points owed"),
        table(("customer", "name", "phone", "owes"), people, none="Nobody owes points."),
        tag("h2", "Coupons used too often"),
        table(("coupon", "receipt", "till", "customer", "when"), uses, none="None."),
        tag("h2", "Certificates below zero"),
        table(("certificate", "balance, minor units"), below, none="None."),
        tag("h2", "Leases used beyond what they allow"),
        table(("till", "kind", "what", "leased", "used", "lease"), overused, none="None."),
        form_key=form_key,
    )


def search_page(words: str, found: Found | None, *, form_key: str) -> Markup:
    """What a search met."""
    if found is None:
        hint = (
            "A customer's id, a mask as the slip shows it (****7001, +7900***01), a card's last four digits,"
            " a receipt uid, or a claim code."
        )
        return page("Search", tag("p", hint, class_="none"), form_key=form_key)
    people = [
        (_customer(row.id), row.name, row.phone, row.tier, _bad("blocked") if row.blocked else "")
        for row in found.customers
    ]
    receipts = [
        (_receipt(row.uid), row.kind, row.state, _customer(row.customer), row.total_minor, row.claim_code, row.till)
        for row in found.receipts
    ]
    heads = ("receipt", "kind", "state", "customer", "total, minor units", "claim code", "till")
    return page(
        f"Search: {words}",
        tag("h2", "Customers"),
        table(("customer", "name", "phone", "tier", ""), people, none="No customer."),
        tag("h2", "Receipts"),
        table(heads, receipts, none="No receipt."),
        form_key=form_key,
        search=words,
    )


def customer_page(member: dict[str, Any], *, form_key: str) -> Markup:
    """One customer: masks only, and every entry of the ledger."""
    customer = member["customer"]
    facts = [
        ("name", customer.get("name", "")),
        ("found by", ", ".join(member["found_by"])),
        ("tier", customer.get("tier", "")),
        ("spent", customer.get("spent", "")),
        ("owes", _units(customer.get("deficits", {}))),
        ("state", _bad("blocked") if customer.get("blocked") else ""),
    ]
    lots = [
        (lot["id"], lot["unit"], lot["amount"], lot.get("active_from"), lot.get("expires_at"))
        for lot in customer.get("lots", ())
    ]
    entries = [
        (entry["at"], entry["reason"], entry["unit"], entry["amount"], entry["lot"], _receipt(entry["receipt"]))
        for entry in reversed(member["ledger"])
    ]
    return page(
        f"Customer {customer['id']}",
        table(("", ""), facts, none=""),
        tag("h2", "Points"),
        table(("lot", "unit", "amount", "from", "until"), lots, none="None."),
        tag("h2", "Ledger, the newest first"),
        table(("when", "why", "unit", "amount", "lot", "receipt"), entries, none="Nothing moved."),
        form_key=form_key,
    )


def receipt_page(row: Row[Any], body: bytes, moved: Sequence[Row[Any]], *, form_key: str) -> Markup:
    """One receipt: what it is, what it moved, what its envelope says."""
    facts = [
        ("kind", row.kind),
        ("state", row.state),
        ("customer", _customer(row.customer)),
        ("sale it takes back", _receipt(row.base_uid)),
        ("total, minor units", f"{row.total_minor} {row.currency}"),
        ("claim code", row.claim_code),
        ("envelope", f"{row.till} {row.epoch}/{row.sequence}"),
    ]
    entries = [(_moment(one.at), one.reason, one.unit, one.amount, one.lot, _customer(one.customer)) for one in moved]
    heads = ("when", "why", "unit", "amount", "lot", "customer")
    text = json.dumps(json.loads(body), ensure_ascii=False, indent=1)
    return page(
        f"Receipt {row.uid}",
        table(("", ""), facts, none=""),
        tag("h2", "Points moved"),
        table(heads, entries, none="None."),
        tag("h2", "As the till sent it"),
        tag("pre", text),
        form_key=form_key,
    )


def _customer(name: str | None) -> Markup | str:
    return link(f"/operator/customer?id={quote(name, safe='')}", name) if name else ""


def _receipt(uid: str | None) -> Markup | str:
    return link(f"/operator/receipt?uid={quote(uid, safe='')}", uid) if uid else ""


def _units(deficits: dict[str, int]) -> str:
    return ", ".join(f"{amount} {unit}" for unit, amount in sorted(deficits.items()))


def _bad(words: object) -> Markup:
    return tag("span", words, class_="bad")


def _number(value: int | None) -> object:
    return "" if value is None else value


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _age(at: datetime | None, now: datetime) -> Markup | str:
    if at is None:
        return _bad(NEVER)
    age_s = (now - at).total_seconds()
    words = f"{span(age_s)} ago"
    return tag("span", words, class_="warn") if age_s > SILENT_S else words


def _offset(seconds: int | None) -> Markup | str:
    if seconds is None:
        return ""
    words = f"{'+' if seconds >= 0 else '−'}{span(abs(seconds))}"
    return _bad(words) if abs(seconds) > CLOCK_OFF_S else words
