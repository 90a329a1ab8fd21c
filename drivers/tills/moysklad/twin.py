"""The МойСклад till app's side of the Loyalty API: it asks what a basket costs, sells, and takes a part back.

After a lost answer it repeats the request; that the real app does is not documented, only that it sends until 2xx.
"""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from drivers.tills.amounts import decimal_of, money_of, quantity_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, TwinContext
from drivers.tills.moysklad.wire import encode, loads
from drivers.vocabulary.money import Money, line_total

__all__ = ["MoySkladTwin"]

TRIES: Final = 4
_API: Final = "https://api.moysklad.ru/api/remap/1.2/entity"


class MoySkladTwin:
    """Plays a story as the till app does."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings  # nothing of the room's own is the app's business
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Ask, sell, and perhaps take back."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        agent = self._agent(story)
        rows = [
            {
                "assortment": self._goods(line.code),
                "quantity": Decimal(str(line.quantity)),
                "price": decimal_of(line.price),
            }
            for line in story.lines
        ]
        asked: dict[str, Any] = {"retailStore": self._store(), "agent": agent, "positions": rows}
        program: dict[str, Any] = {"transactionType": "SPENDING" if story.spend else "EARNING"}
        if story.spend > 0:
            program["preferredBonusToSpend"] = story.spend
        told = yield from self._ask("POST", "/retaildemand/recalc", asked | {"bonusProgram": program}, seen)
        if story.abandon:
            return seen
        points = yield from self._sell(story, agent, rows, told, seen)
        if story.refund:
            yield from self._take_back(story, told.get("positions", rows), seen, points)
        return seen

    def _sell(
        self, story: Story, agent: dict[str, Any], rows: list[dict[str, Any]], told: dict[str, Any], seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, Decimal]:
        priced = told.get("positions", rows)
        bonus = told.get("bonusProgram", {})
        total = sum((_worth(row, self._context.currency) for row in priced), start=seen.paid)
        whole = sum((line_total(line.price, line.quantity) for line in story.lines), start=seen.paid)
        points = Decimal(str(bonus.get("paidByBonusPoints", 0)))
        sale = {
            "retailStore": self._store(),
            "name": f"{story.number:05d}",
            "moment": f"{story.at.astimezone(self._context.zone):%Y-%m-%d %H:%M:%S}",
            "meta": self._document("retaildemand", story.uid),
            "agent": agent,
            "positions": priced,
            "bonusProgram": {
                "bonusValueToSpend": bonus.get("bonusValueToSpend", 0),
                "bonusValueToEarn": bonus.get("bonusValueToEarn", 0),
            },
            "cashSum": decimal_of(total),
            "noCashSum": 0,
        }
        yield from self._ask("POST", "/retaildemand", sale, seen)
        seen.points_paid = money_of(points, self._context.currency)
        seen.paid = total
        seen.discount = whole - total - seen.points_paid
        seen.balance = bonus.get("agentBonusBalanceAfter")
        seen.slip += str(bonus.get("receiptExtraInfo") or "").splitlines()
        return points

    def _take_back(
        self, story: Story, priced: list[dict[str, Any]], seen: Outcome, points: Decimal
    ) -> Generator[HttpRequest, HttpReply, None]:
        del points  # the demand's own prices carry them
        back = []
        for number, quantity in story.refund:
            code = story.lines[number - 1].code
            left = Decimal(str(quantity))
            for row in (one for one in priced if one["assortment"] == self._goods(code)):
                part = min(left, Decimal(str(row["quantity"])))
                left -= part
                if part:
                    back.append({**row, "quantity": part})
        money = sum((_worth(row, self._context.currency) for row in back), start=Money(0, self._context.currency))
        document = {
            "retailStore": self._store(),
            "name": f"{story.number:05d}",
            "moment": f"{story.at.astimezone(self._context.zone):%Y-%m-%d %H:%M:%S}",
            "meta": self._document("retailsalesreturn", f"{story.uid}-back"),
            "demand": {"meta": self._document("retaildemand", story.uid)},
            "agent": {},
            "positions": back,
            "cashSum": decimal_of(money),
            "noCashSum": 0,
        }
        yield from self._ask("POST", "/retailsalesreturn", document, seen)
        seen.refunded = money

    def _ask(
        self, method: str, path: str, body: dict[str, Any], seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, dict[str, Any]]:
        """One call, repeated while no answer comes; {} when none does or it is refused."""
        headers = {"content-type": "application/json", "lognex-discount-api-auth-token": self._context.key}
        request = HttpRequest(method=method, path=path, headers=headers, body=encode(body))
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            told = loads(reply.body) if reply.body else {}
            if reply.status not in (200, 201, 204):
                seen.failures += [str(one.get("error_message")) for one in told.get("errors", [{}])]
                return {}
            answer: dict[str, Any] = told
            return answer
        seen.failures.append("no answer")
        return {}

    # ── How things are named ────────────────────────────────────────────────────────────────────

    def _store(self) -> dict[str, Any]:
        name = str(uuid5(NAMESPACE_URL, self._context.shop))
        return {"meta": {"href": f"{_API}/retailstore/{name}", "id": name}, "name": self._context.shop}

    def _agent(self, story: Story) -> dict[str, Any]:
        name = str(uuid5(NAMESPACE_URL, f"counterparty:{story.customer}"))
        meta = {"href": f"{_API}/counterparty/{name}", "id": name}
        if not story.customer:
            return {"meta": meta, "name": "Розничный покупатель"}
        kind = "phone" if story.customer.startswith("+") else "discountCardNumber"
        return {"meta": meta, "name": "", kind: story.customer}

    @staticmethod
    def _goods(code: str) -> dict[str, Any]:
        name = str(uuid5(NAMESPACE_URL, f"goods:{code}"))
        return {"meta": {"href": f"{_API}/product/{name}", "id": name, "idType": "native", "type": "product"}}

    @staticmethod
    def _document(kind: str, uid: str) -> dict[str, Any]:
        name = str(uuid5(NAMESPACE_URL, uid))
        return {"href": f"{_API}/{kind}/{name}", "id": name}


def _worth(row: dict[str, Any], currency: str) -> Money:
    price = row.get("discountedPrice", row["price"])
    return line_total(money_of(Decimal(str(price)), currency), quantity_of(Decimal(str(row["quantity"]))))
