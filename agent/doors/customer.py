"""The customer's own screen: a second page beside the panel that only shows, and shows less.

What it may know is listed here by name, so nothing added for the cashier gets there by itself: no phone, no level or
mark of somebody special, no words for the cashier. Its session opens nothing else.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agent.checkout.panel.view import HIDDEN_NAME
from agent.doors.keys import SESSION_LIFE_S, DoorSecrets, Tickets
from agent.doors.problems import DoorRefused
from agent.doors.stream import Streams
from agent.doors.view import mask_phones
from agent.snapshot import Snapshot
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.money import Money

__all__ = ["CustomerDoor", "CustomerScreen", "customer_view"]

PATH = "/panel/customer"
_LAST = ("uid", "total", "discount", "earned", "spent")


class Asked(Struct, frozen=True, kw_only=True):
    """One thing the customer is asked for who joins, to be read while the cashier reads it out."""

    purpose: str
    text: str
    required: bool
    given: bool


class CustomerScreen(Struct, frozen=True, kw_only=True):
    """Everything the customer's screen is told.

    Attributes:
        name: "" for nobody, and when the cashier's screen hides it.
        is_member: somebody is at the till.
        spend: points that are in the price; `wish` is what was asked for and is not in it yet, "" for the most.
        last: the receipt closed last, its sums alone.
    """

    version: int
    title: str
    is_member: bool = False
    name: str = ""
    balances: tuple[PointsBalance, ...] = ()
    total: Money | None = None
    discount: Money | None = None
    payable: Money | None = None
    earn: dict[str, int] = {}
    spend: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    consents: tuple[Asked, ...] = ()
    last: dict[str, str] = {}


def customer_view(snapshot: Snapshot) -> CustomerScreen:
    """What of a snapshot the customer sees."""
    customer, quote, sale = snapshot.customer, snapshot.quote, snapshot.sale
    shown = quote if quote is not None else sale
    name = mask_phones(customer.name) if customer is not None and customer.name != HIDDEN_NAME else ""
    return CustomerScreen(
        version=snapshot.version,
        title=snapshot.programme_title,
        is_member=customer is not None,
        name=name,
        balances=customer.balances if customer is not None else (),
        total=shown.total if shown is not None else None,
        discount=shown.discount if shown is not None else None,
        payable=shown.payable if shown is not None else None,
        earn=quote.earn if quote is not None else sale.earn if sale is not None else {},
        spend=quote.spend if quote is not None else {},
        notes=tuple(map(mask_phones, quote.notes)) if quote is not None else (),
        consents=tuple(
            Asked(purpose=one.purpose, text=one.text, required=one.required, given=one.given)
            for one in snapshot.consents
        ),
        last={key: text for key, text in snapshot.last_receipt.items() if key in _LAST},
    )


class CustomerDoor:
    """The page's routes; used on the event loop.

    Args:
        index: the page, `closed` what is shown without a session.
        streams: of `customer_view`.
    """

    def __init__(self, *, secrets: DoorSecrets, index: bytes, closed: bytes, streams: Streams) -> None:
        self._secrets = secrets
        self._tickets = Tickets(secrets, kind="display-ticket")
        self._index = index
        self._closed = closed
        self._streams = streams

    def routes(self) -> list[Route]:
        """Two that read; nothing here changes anything."""
        return [
            Route(PATH, self._page, methods=["GET"]),
            Route(f"{PATH}/stream", self._stream, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        """The page; a good ticket begins a session that opens this page alone."""
        ticket = request.query_params.get("ticket")
        if ticket is not None:
            response: Response = RedirectResponse(PATH, 303)
            if self._tickets.take(ticket):
                response.set_cookie(
                    self._cookie(request),
                    self._secrets.new_session(kind="display"),
                    max_age=SESSION_LIFE_S,
                    path=PATH,
                    httponly=True,
                    samesite="strict",
                )
            return response
        if not self._may(request):
            return Response(self._closed, 401, media_type="text/html; charset=utf-8")
        return Response(self._index, media_type="text/html; charset=utf-8")

    async def _stream(self, request: Request) -> Any:
        if not self._may(request):
            raise DoorRefused(401, "no_session", "open this page from the panel's help, or: tillpoint panel --customer")
        return self._streams.open()

    def _may(self, request: Request) -> bool:
        """The cashier's own browser may show it too."""
        own = self._secrets.session_of(request.cookies.get(self._cookie(request), ""), kind="display")
        port = request.scope["server"][1]
        return bool(own or self._secrets.session_of(request.cookies.get(f"tillpoint_{port}", "")))

    def _cookie(self, request: Request) -> str:
        return f"tillpoint_display_{request.scope['server'][1]}"
