"""What a till tells of a customer besides receipts: a limit, a double, consents taken back, a card for a lost one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from central import schema
from central.accounts import Accounts
from central.aliases import write_aliases
from central.tenant import sealing_key, tenant_keys
from central.tickets import TicketKind, open_ticket
from drivers.vocabulary import codec
from drivers.vocabulary.centre import WireEnvelope
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.facts import CardReissued, ConsentWithdrawn, DuplicateSeen, LimitMet
from drivers.vocabulary.joining import CardContact, card_context
from drivers.vocabulary.sealing import SealError, open_sealed

__all__ = ["Cases"]

LOST: Final = "lost:"  # begins the name of what a lost card names from now on: somebody who is blocked
ERASES: Final = "loyalty"  # whoever takes this back asks to be forgotten, which a person does


@dataclass(slots=True, kw_only=True)
class Cases:
    """One transaction's view; each fact once.

    Attributes:
        changed: documents for the feed, besides the accounts' own.
    """

    connection: Connection
    accounts: Accounts
    till: str
    now: datetime
    changed: list[tuple[str, str]] = field(default_factory=list)

    def limit(self, envelope: WireEnvelope, fact: LimitMet) -> str:
        """A limit against misuse was met."""
        detail = {
            "limit": fact.limit,
            "count": fact.count,
            "level": fact.level,
            "answer": fact.answer,
            "supervisor": fact.supervisor,
            "cashier": fact.cashier,
            "receipt": fact.receipt_uid,
        }
        return self._ticket(TicketKind.LIMIT, envelope, fact.customer_id, detail)

    def duplicate(self, envelope: WireEnvelope, fact: DuplicateSeen) -> str:
        """Two customers may be one person; merging is a person's work."""
        other = self.accounts.get(fact.other_id)
        if other is None:
            return f"customer {fact.other_id} is not known here"
        account = self.accounts.get(fact.customer_id)
        if account is not None and account.id == other.id:
            return ""  # merged since
        return self._ticket(TicketKind.DUPLICATE, envelope, fact.customer_id, {"other": other.id})

    def withdrawn(self, envelope: WireEnvelope, fact: ConsentWithdrawn) -> str:
        """Consents are taken back at once; to be forgotten wholly is a person's work."""
        account = self.accounts.get(fact.customer_id)
        if account is None:
            return f"customer {fact.customer_id} is not known here"
        rows = [
            {
                "customer": account.id,
                "purpose": purpose,
                "given": False,
                "text_version": "withdrawn",
                "at": fact.at,
                "channel": "cashier",
                "till": self.till,
                "cashier": fact.cashier,
                "envelope": envelope.id,
            }
            for purpose in dict.fromkeys(fact.purposes)
        ]
        self.connection.execute(insert(schema.consent), rows)
        self.accounts.touch(account.id)
        detail = {"purposes": ", ".join(fact.purposes), "erase": ERASES in fact.purposes}
        return self._ticket(TicketKind.WITHDRAWAL, envelope, account.id, detail, number=fact.number)

    def reissued(self, fact: CardReissued) -> str:
        """The new card finds the customer; every card before it finds somebody who is blocked."""
        account = self.accounts.get(fact.customer_id)
        if account is None:
            return f"customer {fact.customer_id} is not known here"
        private, _ = sealing_key(self.connection)
        context = card_context(till=self.till, customer_id=fact.customer_id, alias=fact.alias)
        try:
            contact = codec.decode(open_sealed(fact.card, private=private, context=context), CardContact)
        except (SealError, codec.WireError) as error:
            return f"the new card of {fact.customer_id} cannot be opened: {error}"
        keys = tenant_keys(self.connection)
        card = Identifier(kind=IdentifierKind.CARD, value=contact.card)
        fresh = {keyed_hash(key, card) for _, key in keys.live}
        table = schema.alias
        owners = {
            row.customer for row in self.connection.execute(select(table.c.customer).where(table.c.hash.in_(fresh)))
        }
        if owners - {account.id}:
            return "the new card is somebody else's already"
        self._block_cards(account.id, fresh)
        made = write_aliases(self.connection, [(account.id, card)], keys)
        self.changed += [("alias", name) for name in made]
        self._keep_card(account.id, contact.card)
        self.accounts.touch(account.id)
        return ""

    def _block_cards(self, customer: str, fresh: set[str]) -> None:
        """Cards are told from phones by their mask, the one thing that is known of a hash."""
        table = schema.alias
        mine = self.connection.execute(select(table).where(table.c.customer == customer))
        old = [row.hash for row in mine if row.mask.startswith("*") and row.hash not in fresh]
        if not old:
            return
        lost = f"{LOST}{customer}"[:64]
        people = schema.customer
        if self.connection.scalar(select(people.c.id).where(people.c.id == lost)) is None:
            row = {
                "id": lost, "name": "", "phone": "", "tier": "", "spent_minor": 0, "blocked": True, "segments": [],
                "deficits": {},
            }  # fmt: skip
            self.connection.execute(insert(people), [row])
        self.connection.execute(update(table).where(table.c.hash.in_(old)).values(customer=lost))
        self.changed += [("customer", lost), *(("alias", name) for name in old)]

    def _keep_card(self, customer: str, card: str) -> None:
        table = schema.contact
        kept = self.connection.execute(select(table).where(table.c.customer == customer)).first()
        row = {
            "customer": customer,
            "name": kept.name if kept else "",
            "phone": kept.phone if kept else "",
            "card": card,
        }
        self.connection.execute(delete(table).where(table.c.customer == customer))
        self.connection.execute(insert(table), [row])

    def _ticket(
        self, kind: TicketKind, envelope: WireEnvelope, customer: str, detail: dict[str, object], *, number: str = ""
    ) -> str:
        account = self.accounts.get(customer)
        if account is None:
            return f"customer {customer} is not known here"
        open_ticket(
            self.connection,
            kind,
            till=self.till,
            envelope=envelope.id,
            customer=account.id,
            at=self.now,
            number=number,
            detail=detail,
        )
        return ""
