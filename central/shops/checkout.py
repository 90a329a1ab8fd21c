"""The checkout contract answered on the centre's own data: one writing transaction for each call, nothing in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import update

from central import schema
from central.database import Database, StoreBusy
from central.errors import Refusal
from central.receipts import Receipts
from central.shops import closing, people, quoting, returning
from central.shops.shop import Shop
from central.shops.sitting import Sitting
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["KEEP_S", "ShopCheckout"]

T = TypeVar("T")

KEEP_S: Final = 900  # between a quote and its sale at a till; a room says so when its customers take longer


@dataclass(frozen=True, slots=True)
class ShopCheckout:
    """`drivers.vocabulary.checkout.Checkout` and `drivers.tills.clouds.CentreCheckout` for one shop.

    Attributes:
        told: called after each change, so that waiting tills hear of it.
        keep_s: for how long a quote keeps points, coupons and certificates.
    """

    database: Database
    shop: Shop
    now: Callable[[], datetime]
    told: Callable[[], None] = lambda: None
    keep_s: int = KEEP_S

    def _sit(self, work: Callable[[Sitting], T]) -> T:
        try:
            done = self.database.writing(
                lambda connection: work(
                    Sitting(connection=connection, shop=self.shop, currency=self.database.currency, now=self.now())
                )
            )
        except Refusal as refusal:
            raise CheckoutRefused(refusal.problem.message, code=refusal.problem.code) from None
        except StoreBusy as busy:
            raise CheckoutRefused(
                f"the centre's database cannot answer now ({type(busy).__name__}); ask again", code="busy"
            ) from busy
        self.told()
        return done

    def identify(self, request: contract.IdentifyRequest, *, timeout_s: float) -> contract.IdentifyAnswer:
        """Who is it."""
        del timeout_s
        return self._sit(lambda sitting: people.identify(sitting, request))

    def enrol(self, request: contract.EnrolCustomerRequest, *, timeout_s: float) -> contract.EnrolCustomerAnswer:
        """Make a customer; committed before the answer."""
        del timeout_s
        return self._sit(lambda sitting: people.enrol(sitting, request))

    def quote(self, request: contract.QuoteRequest, *, timeout_s: float) -> contract.QuoteAnswer:
        """What would this basket cost; what the answer spends is kept for it."""
        del timeout_s
        return self._sit(lambda sitting: quoting.quote(sitting, request, keep_s=self.keep_s))

    def hold(self, request: contract.HoldRequest, *, timeout_s: float) -> contract.HoldAnswer:
        """Reserve points."""
        del timeout_s
        return self._sit(lambda sitting: quoting.hold(sitting, request, keep_s=self.keep_s))

    def confirm(self, request: contract.ConfirmRequest, *, timeout_s: float) -> contract.ConfirmAnswer:
        """The sale is closed; committed before the answer."""
        del timeout_s
        return self._sit(lambda sitting: closing.confirm(sitting, request))

    def cancel(self, request: contract.CancelRequest, *, timeout_s: float) -> contract.CancelAnswer:
        """The sale will not happen."""
        del timeout_s
        return self._sit(lambda sitting: closing.cancel(sitting, request))

    def refund(self, request: contract.RefundRequest, *, timeout_s: float) -> contract.RefundAnswer:
        """A return is closed; committed before the answer."""
        del timeout_s
        return self._sit(lambda sitting: returning.refund(sitting, request))

    def attach(self, request: contract.AttachRequest, *, timeout_s: float) -> contract.AttachAnswer:
        """Give a closed receipt to a customer."""
        del timeout_s
        return self._sit(lambda sitting: closing.attach(sitting, request))

    def reprint(self, request: contract.ReprintRequest, *, timeout_s: float) -> contract.ReprintAnswer:
        """The centre prints nothing."""
        del timeout_s
        raise CheckoutRefused(f"the centre has no slip of {request.receipt_uid or 'this receipt'}", code="no_slip")

    # ── What only a centre can say ──────────────────────────────────────────────────────────────

    def carry_over(self, quoted: str, uid: str, *, timeout_s: float) -> bool:
        """The quote made under one uid, and all that is kept for it, is another's from now on."""
        del timeout_s
        return self._sit(lambda sitting: _carry_over(sitting, quoted, uid))

    def person_of(self, external: str, *, timeout_s: float) -> str | None:
        """Whom this cloud means by a name of its own."""
        del timeout_s
        return self._sit(lambda sitting: people.person_of(sitting, external))

    def remember_person(self, external: str, customer_id: str, *, timeout_s: float) -> None:
        """From now on this name of theirs means that customer."""
        del timeout_s
        self._sit(lambda sitting: people.remember_person(sitting, external, customer_id))

    def knows(self, uid: str, *, timeout_s: float) -> bool:
        """Whether a receipt of this uid had its effect already."""
        del timeout_s
        return self._sit(lambda sitting: Receipts(sitting.connection).get(uid) is not None)

    def known_of(self, uids: Sequence[str]) -> str:
        """The first of these uids whose receipt had its effect already, "" for none."""
        if not uids:
            return ""

        def look(sitting: Sitting) -> str:
            receipts = Receipts(sitting.connection)
            receipts.load(uids)
            return next((uid for uid in uids if receipts.get(uid) is not None), "")

        return self._sit(look)

    def is_nobodys(self, uid: str) -> bool:
        """Whether this is a sale that no customer is known of."""

        def look(sitting: Sitting) -> bool:
            known = Receipts(sitting.connection).get(uid)
            return known is not None and known.kind == "sale" and known.customer is None

        return self._sit(look)


def _carry_over(sitting: Sitting, quoted: str, uid: str) -> bool:
    from msgspec.structs import replace

    opened = sitting.opened(quoted)
    if opened is None or sitting.opened(uid) is not None or Receipts(sitting.connection).get(uid) is not None:
        return False
    keeps_until = sitting.connection.scalar(
        schema.shop_open.select()
        .with_only_columns(schema.shop_open.c.keeps_until)
        .where(schema.shop_open.c.till == sitting.shop.till, schema.shop_open.c.receipt_uid == quoted)
    )
    sitting.forget(quoted)
    sitting.keep(replace(opened, uid=uid), keeps_until=keeps_until)
    for table in (schema.hold, schema.certificate_hold):
        mine = (table.c.till == sitting.shop.till) & (table.c.receipt_uid == quoted) & (table.c.state == "open")
        sitting.connection.execute(update(table).where(mine).values(receipt_uid=uid))
    return True
