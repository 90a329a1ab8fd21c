"""People who became customers at a till: the sealed contact is opened here, and each person is one customer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from central import schema
from central.accounts import Accounts
from central.aliases import identifiers, write_aliases
from central.tenant import sealing_key, tenant_keys
from drivers.vocabulary import codec
from drivers.vocabulary.centre import WireEnvelope
from drivers.vocabulary.customer import keyed_hash
from drivers.vocabulary.facts import CustomerEnrolled
from drivers.vocabulary.joining import Contact, contact_context, mask_name, mask_phone
from drivers.vocabulary.sealing import SealError, open_sealed

if TYPE_CHECKING:
    from central.programmes import TierRule

__all__ = ["Newcomers"]


@dataclass(slots=True, kw_only=True)
class Newcomers:
    """The people one transaction takes in.

    Attributes:
        changed: documents for the feed, besides the accounts' own.
    """

    connection: Connection
    accounts: Accounts
    till: str
    tier_of: TierRule
    now: datetime
    changed: list[tuple[str, str]] = field(default_factory=list)

    def take(self, envelope: WireEnvelope, fact: CustomerEnrolled) -> str:
        """Make a customer, or find the one who has this phone already; "" or the reason why neither can be.

        Once for each envelope, as everything of an envelope; and once for each person: two tills that enrol one phone,
        or one till that does it again after its disk was replaced, end with one customer.
        """
        try:
            contact = self._open(fact)
        except (SealError, codec.WireError) as error:
            return f"the contact of {fact.customer_id} cannot be opened: {error}"
        keys = tenant_keys(self.connection)
        owners = identifiers(phone=contact.phone, card="")
        hashes = [keyed_hash(key, one) for one in owners for _, key in keys.live]
        known = self._owner(hashes)
        account = self.accounts.get(fact.customer_id)
        if account is not None and account.id != known:
            return f"the name {fact.customer_id} belongs to somebody else"
        if account is not None:
            pass  # sealed again after a fork: the same person under the same name
        elif known is None:
            self._add(fact.customer_id, contact)
            made = write_aliases(self.connection, [(fact.customer_id, one) for one in owners], keys)
            self.changed += [("alias", name) for name in made]
        else:
            self.connection.execute(
                insert(schema.merged), [{"id": fact.customer_id, "customer": known, "at": self.now}]
            )
            self.changed.append(("merged", fact.customer_id))
        self.accounts.load_again((fact.customer_id,))
        # Told again also when nothing changed: the till learns that its envelope is reflected.
        self.accounts.touch(fact.customer_id)
        self._keep_consents(envelope, fact, known or fact.customer_id)
        return ""

    def _open(self, fact: CustomerEnrolled) -> Contact:
        private, _ = sealing_key(self.connection)
        context = contact_context(till=self.till, customer_id=fact.customer_id, alias=fact.alias)
        return codec.decode(open_sealed(fact.contact, private=private, context=context), Contact)

    def _owner(self, hashes: Iterable[str]) -> str | None:
        """Whose phone it is."""
        table = schema.alias
        found: str | None = self.connection.scalar(select(table.c.customer).where(table.c.hash.in_(list(hashes))))
        return found

    def _add(self, customer: str, contact: Contact) -> None:
        self.connection.execute(
            insert(schema.customer),
            [
                {
                    "id": customer,
                    "name": mask_name(contact.name),
                    "phone": mask_phone(contact.phone),
                    "tier": self.tier_of("", 0, 0),
                    "spent_minor": 0,
                    "blocked": False,
                    "segments": [],
                    "deficits": {},
                    "purchases": 0,
                }
            ],
        )
        row = {"customer": customer, "name": contact.name, "phone": contact.phone, "card": ""}
        self.connection.execute(insert(schema.contact), [row])

    def _keep_consents(self, envelope: WireEnvelope, fact: CustomerEnrolled, customer: str) -> None:
        # One purpose once: the last word of a form counts.
        last = {one.purpose: one for one in fact.consents}
        table = schema.consent
        stored = select(table.c.purpose, table.c.at).where(table.c.customer == customer, table.c.till == self.till)
        known = {(row.purpose, row.at) for row in self.connection.execute(stored)}
        rows = [
            {
                "customer": customer,
                "purpose": one.purpose,
                "given": one.given,
                "text_version": one.text_version,
                "at": one.at,
                "channel": one.channel.value,
                "till": self.till,
                "cashier": one.cashier,
                "envelope": envelope.id,
            }
            for one in last.values()
            if (one.purpose, one.at) not in known
        ]
        if rows:
            self.connection.execute(insert(table), rows)
