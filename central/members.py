"""Members from a CSV file into the centre, and one member shown; phones and cards become keyed hashes and masks.

Columns: id and name; phone (E.164) and card if there are any; tier, spent; points, or one column ``points.UNIT`` for
each unit; birthday, staff, referrer, members, segments, purchases and membership_until; scope, whose tills
hold the member.
Loading the same file again changes nothing: points, spending, purchases and membership are what a member begins with
who is new here; afterwards they move by receipts only. An empty field says nothing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final, TextIO

from msgspec.structs import replace
from sqlalchemy import Connection, delete, select, update

from central import schema
from central.accounts import Reason, customer_documents, lot_row
from central.aliases import identifiers, write_aliases
from central.bulk import insert_many
from central.changes import publish
from central.database import Database
from central.errors import CentralStartError
from central.member_facts import MemberFacts, read_facts
from central.programmes import tier_rule
from central.scopes import SCOPE, settle_homes
from central.tenant import tenant_keys
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.joining import mask_name, mask_phone
from drivers.vocabulary.money import Money

__all__ = [
    "CHUNK_ROWS",
    "Loaded",
    "Member",
    "load_chunk",
    "load_members",
    "member_columns",
    "read_member",
    "read_members",
    "show_member",
]

CHUNK_ROWS: Final = 400  # members of one transaction: short enough for tills to be served in between
DEFAULT_UNIT: Final = "bonus"  # what a column called just "points" counts

NO_FACTS: Final = MemberFacts()

_PHONE: Final = re.compile(r"\+[1-9]\d{6,14}")
_CARD: Final = re.compile(r"[0-9A-Za-z]{3,64}")
_UNIT: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_KNOWN: Final = (
    *("id", "name", "phone", "card", "tier", "spent", "points"),
    *("birthday", "staff", "referrer", "members", "segments", "purchases", "membership_until", "scope"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One line of the file, checked; None and "" are what it does not say."""

    id: str
    name: str
    phone: str
    card: str
    tier: str
    spent_minor: int
    points: dict[str, int]
    more: MemberFacts = NO_FACTS
    scope: str = ""


@dataclass(slots=True)
class Loaded:
    """How far a load has come."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        """Lines done."""
        return self.added + self.updated + self.unchanged

    def add(self, part: Loaded) -> None:
        """So much more is done."""
        self.added += part.added
        self.updated += part.updated
        self.unchanged += part.unchanged


def read_members(file: TextIO, *, name: str, currency: str) -> Iterator[Member]:
    """The file's members, line by line.

    Raises:
        CentralStartError: a column is unknown or a line cannot be read; the message names the line.
    """
    reader = csv.DictReader(file, restkey="", strict=True)
    units = member_columns(reader.fieldnames or (), name)
    try:
        for row in reader:
            try:
                yield read_member(row, units, currency)
            except ValueError as error:
                raise CentralStartError(f"{name}, line {reader.line_num}: {error}") from None
    except csv.Error as error:
        raise CentralStartError(f"{name}, line {reader.line_num}: {error}") from None


def member_columns(names: Sequence[str], file: str) -> dict[str, str]:
    """Column → unit of points; refuses what is not known, so that a misspelt column is not silently left out."""
    units: dict[str, str] = {}
    for column in names:
        head, _, unit = column.partition(".")
        if column == "points":
            units[column] = DEFAULT_UNIT
        elif head == "points" and _UNIT.fullmatch(unit):
            units[column] = unit
        elif column not in _KNOWN:
            raise CentralStartError(f"{file}: unknown column {column!r}; known: {', '.join(_KNOWN)}, points.UNIT")
    if "id" not in names:
        raise CentralStartError(f"{file}: there is no column 'id'; the first line must name the columns")
    return units


def read_member(row: dict[str, str | None], units: dict[str, str], currency: str) -> Member:
    """One line; raises ValueError in words."""
    if "" in row:
        raise ValueError("more fields than columns")
    texts = {name: (value or "").strip() for name, value in row.items()}
    member_id = texts["id"]
    if not 1 <= len(member_id) <= 64:
        raise ValueError("id must have 1 to 64 characters")
    if any("\0" in text for text in texts.values()):
        raise ValueError(f"the line of {member_id[:64]!r} holds a NUL character")
    phone = re.sub(r"[ ()-]", "", texts.get("phone", ""))
    if phone and not _PHONE.fullmatch(phone):
        raise ValueError(f"phone of {member_id} is not international; write it as +79000000001")
    card = re.sub(r"[ -]", "", texts.get("card", ""))
    if card and not _CARD.fullmatch(card):
        raise ValueError(f"card of {member_id} must be 3 to 64 letters and digits")
    if len(texts.get("tier", "")) > 40:
        raise ValueError(f"tier of {member_id} has more than 40 characters")
    points: dict[str, int] = {}
    for column, unit in units.items():
        amount = texts[column] or "0"
        if not amount.isascii() or not amount.isdigit() or len(amount) > 15:
            raise ValueError(
                f"{column} of {member_id} must be a whole number in the smallest unit, not {amount[:20]!r}"
            )
        points[unit] = points.get(unit, 0) + int(amount)
    spent = Money.of(texts.get("spent") or "0", currency)
    if spent.minor < 0:
        raise ValueError(f"spent of {member_id} cannot be negative")
    return Member(
        id=member_id,
        name=texts.get("name", "")[:200],
        phone=phone,
        card=card,
        tier=texts.get("tier", ""),
        spent_minor=spent.minor,
        points=points,
        more=read_facts(texts, member_id),
        scope=_scope(texts.get("scope", ""), member_id),
    )


def _scope(text: str, member_id: str) -> str:
    if text and not SCOPE.fullmatch(text):
        raise ValueError(f"scope of {member_id} must be 1 to 24 small letters, digits, '_' or '-', not {text[:30]!r}")
    return text


def load_members(
    database: Database, members: Iterable[Member], *, now: datetime, progress: Callable[[Loaded], None]
) -> Loaded:
    """Write members, a chunk a transaction; what was loaded before an error stays loaded."""
    loaded = Loaded()
    rest = iter(members)
    while chunk := list(islice(rest, CHUNK_ROWS)):
        # The last line of a member wins, as it would in two chunks.
        wanted = list({member.id: member for member in chunk}.values())
        loaded.unchanged += len(chunk) - len(wanted)
        loaded.add(database.writing(partial(load_chunk, members=wanted, now=now)))
        progress(loaded)
    return loaded


def load_chunk(connection: Connection, members: Sequence[Member], now: datetime) -> Loaded:
    """Write so many members, each named once; what became of them. Short, because it ends with the feed's lock."""
    ids = [member.id for member in members]
    table = schema.customer
    stored = {row.id: row for row in connection.execute(select(table).where(table.c.id.in_(ids)))}
    who = {
        row.customer: row
        for row in connection.execute(select(schema.contact).where(schema.contact.c.customer.in_(ids)))
    }
    fresh = [member for member in members if member.id not in stored]
    known = [member for member in members if member.id in stored]
    _add(connection, fresh, now)
    changed = [("customer", member.id) for member in fresh]
    for member in known:
        row, contact = stored[member.id], who.get(member.id)
        before = (row.tier, *((contact.name, contact.phone, contact.card) if contact else ("", "", "")))
        news = member.more.news(row)
        if before == (member.tier or row.tier, member.name, member.phone, member.card) and not news:
            continue
        names = {"name": mask_name(member.name), "phone": mask_phone(member.phone)}
        values = {**names, "tier": member.tier or row.tier, **news}
        connection.execute(update(table).where(table.c.id == member.id).values(**values))
        changed.append(("customer", member.id))
    updated = {member_id for _, member_id in changed} - {member.id for member in fresh}
    rewritten = [member for member in members if member.id in updated or member.id not in stored]
    if rewritten:
        of = [member.id for member in rewritten]
        connection.execute(delete(schema.contact).where(schema.contact.c.customer.in_(of)))
        rows = [{"customer": one.id, "name": one.name, "phone": one.phone, "card": one.card} for one in rewritten]
        insert_many(connection, schema.contact, rows)
    owners = [(one.id, found) for one in members for found in identifiers(phone=one.phone, card=one.card)]
    aliases = write_aliases(connection, owners, tenant_keys(connection))
    publish(connection, [*changed, *(("alias", name) for name in aliases)])
    updated |= settle_homes(connection, {one.id: one.scope for one in members}, now) - {one.id for one in fresh}
    return Loaded(added=len(fresh), updated=len(updated), unchanged=len(known) - len(updated))


def _add(connection: Connection, members: Sequence[Member], now: datetime) -> None:
    if not members:
        return
    tier_of = tier_rule(connection)
    rows = [
        {
            "id": member.id,
            "name": mask_name(member.name),
            "phone": mask_phone(member.phone),
            "tier": member.tier or tier_of("", 0, member.spent_minor),
            "spent_minor": member.spent_minor,
            "blocked": False,
            "deficits": {},
            **member.more.row(),
        }
        for member in members
    ]
    insert_many(connection, schema.customer, rows)
    lots = [
        (member.id, PointsLot(id=f"opening:{unit}", unit=unit, amount=amount))
        for member in members
        for unit, amount in member.points.items()
        if amount
    ]
    if not lots:
        return
    insert_many(connection, schema.lot, [lot_row(customer, lot) for customer, lot in lots])
    entries = [
        {
            "customer": customer,
            "unit": lot.unit,
            "lot": lot.id,
            "amount": lot.amount,
            "active_from": None,
            "expires_at": None,
            "reason": Reason.OPENING.value,
            "receipt_uid": None,
            "base_uid": None,
            "at": now,
        }
        for customer, lot in lots
    ]
    insert_many(connection, schema.ledger, entries)


def show_member(connection: Connection, member_id: str) -> dict[str, Any]:
    """One member: what the tills know, whose name and phone it is, every consent, and every entry of the ledger.

    Raises:
        CentralStartError: there is no such member.
    """
    documents = dict(customer_documents(connection, [member_id]))
    if member_id not in documents:
        raise CentralStartError(f"no member {member_id!r}; the id is the first column of the file that was loaded")
    contact = connection.execute(select(schema.contact).where(schema.contact.c.customer == member_id)).first()
    masks = connection.scalars(
        select(schema.alias.c.mask).where(schema.alias.c.customer == member_id).order_by(schema.alias.c.mask),
    )
    table = schema.ledger
    entries = connection.execute(select(table).where(table.c.customer == member_id).order_by(table.c.id))
    said = schema.consent
    consents = connection.execute(select(said).where(said.c.customer == member_id).order_by(said.c.id))
    return {
        # A birthday is for rules and for nobody's eyes.
        "customer": codec.to_builtins(replace(codec.decode(documents[member_id], Customer), birthday="")),
        "name": contact.name if contact else "",
        "phone": contact.phone if contact else "",
        "found_by": list(masks),
        "consents": [
            {
                "purpose": one.purpose,
                "given": one.given,
                "text_version": one.text_version,
                "at": one.at.isoformat(),
                "channel": one.channel,
                "till": one.till,
                "cashier": one.cashier,
            }
            for one in consents
        ],
        "ledger": [
            {
                "at": entry.at.isoformat(),
                "reason": entry.reason,
                "unit": entry.unit,
                "amount": entry.amount,
                "lot": entry.lot,
                "receipt": entry.receipt_uid or "",
            }
            for entry in entries
        ],
    }
