"""The calls of the local API as rows: the routes, the OpenAPI document and the tests read the same table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from drivers.vocabulary import checkout as contract

__all__ = ["CALLS", "Call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: its name is the method of the checkout contract and the last word of its path."""

    name: str
    request: type[Struct]
    answer: type[Struct]
    summary: str
    description: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/{self.name}"


CALLS: Final = (
    Call(
        name="identify",
        request=contract.IdentifyRequest,
        answer=contract.IdentifyAnswer,
        summary="Who is it",
        description=(
            "Send what was scanned or typed; the answer says found, not found, blocked, or not a loyalty code. "
            "With `receipt_uid` the customer stays attached to that receipt."
        ),
    ),
    Call(
        name="enrol",
        request=contract.EnrolCustomerRequest,
        answer=contract.EnrolCustomerAnswer,
        summary="Somebody becomes a customer",
        description=(
            "Send the phone as typed and what the person agreed to. The customer is on disk and known to this till "
            "before the answer comes, so the receipt in hand earns already. The phone is sealed to the centre's key: "
            "the till cannot read it back. A phone that is a customer's already is answered `known`."
        ),
    ),
    Call(
        name="quote",
        request=contract.QuoteRequest,
        answer=contract.QuoteAnswer,
        summary="What would this basket cost",
        description=(
            "Send the receipt so far at your own prices; lower your prices by what the answer takes off each line. "
            "Ask as often as the basket changes; the last answer counts."
        ),
    ),
    Call(
        name="hold",
        request=contract.HoldRequest,
        answer=contract.HoldAnswer,
        summary="Reserve points",
        description="All the points or none, until the receipt is confirmed or cancelled; `reason` says why none.",
    ),
    Call(
        name="confirm",
        request=contract.ConfirmRequest,
        answer=contract.ConfirmAnswer,
        summary="The receipt is closed",
        description=(
            "Send the receipt as it was printed. The sale is on disk before the answer comes. Repeat it until it is "
            "answered: the same receipt has its effect once, and `duplicate` says that it was known."
        ),
    ),
    Call(
        name="cancel",
        request=contract.CancelRequest,
        answer=contract.CancelAnswer,
        summary="The sale will not happen",
        description="Frees reserved points. Cancelling what is unknown is not an error.",
    ),
    Call(
        name="refund",
        request=contract.RefundRequest,
        answer=contract.RefundAnswer,
        summary="A return is closed",
        description="Name the sale in `receipt.base_uid` when it is known; points move back in proportion.",
    ),
    Call(
        name="attach",
        request=contract.AttachRequest,
        answer=contract.AttachAnswer,
        summary="A closed receipt becomes somebody's",
        description=(
            "A customer comes back with a receipt that was nobody's: send its uid, the claim code of its slip or the "
            "text of its fiscal QR code, and who it is. It earns as of its own day, once; discounts are not made good. "
            "Repeating it answers the same."
        ),
    ),
    Call(
        name="reprint",
        request=contract.ReprintRequest,
        answer=contract.ReprintAnswer,
        summary="The slip once more",
        description=(
            "Prints the loyalty slip of a closed receipt again on the till's own slip printer; without `receipt_uid` "
            "that of the receipt closed last. `printing` is false where there is no such printer; `slip` holds the "
            "lines in any case."
        ),
    ),
)
