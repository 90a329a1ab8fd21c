"""A day at the demo shop: each sale is one of the ways a till and the agent work together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from msgspec.structs import replace

from agent.demo.people import Member, members, next_basket
from agent.demo.pos import ApiRefused, NoAnswer, print_stream
from agent.demo.stage import MEMBERS, Stage, StageFailed
from drivers.printers.escpos.pos_simulator import compose_receipt
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["Day", "Sale"]

TRIES_MAX: Final = 400  # a POS repeats until it is answered; a hundred restarts take less
MOSCOW: Final = timezone(timedelta(hours=3))
PAPER_TIMEOUT_S: Final = 3.0  # after that a cashier prints again
_CLAIM: Final = re.compile(r"Код лояльности\s+([0-9A-Z]{6}-[0-9A-Z]{2})")
_EARNED: Final = re.compile(r"Начислено\s+\+([\d ]+)")
STYLES: Final = ("ru-one-line", "ru-two-lines", "ru-fiscal", "ru-columns")


@dataclass(slots=True, kw_only=True)
class Sale:
    """What became of one receipt."""

    uid: str
    way: str
    receipt: Receipt
    total: Money
    discount: Money
    customer: str = ""
    earned: int = 0
    spent: int = 0
    claim: str = ""


@dataclass(slots=True)
class Day:
    """Sells on a stage; the same seed sells the same goods to the same people."""

    stage: Stage
    seed: int = 1
    sales: list[Sale] = field(default_factory=list)
    people: list[Member] = field(default_factory=lambda: members(MEMBERS))
    documents: int = 0

    def sell(self, number: int) -> Sale:
        """One customer: asked for by phone, known by card, or nobody in particular."""
        way = ("ask", "in line", "ask", "in line", "anonymous")[number % 5]
        basket = next_basket(number, self.seed, "till-1").receipt
        opened = datetime.now(UTC).astimezone(MOSCOW).replace(microsecond=0)
        receipt = replace(basket, number=str(number), shift=1, cashier="Иванова", closed_at=opened)
        member = self.people[(number * 7) % len(self.people)]
        sale = self._ask(receipt, member) if way == "ask" else self._in_line(receipt, member, way)
        self.sales.append(sale)
        return sale

    def take_back(self, sale: Sale) -> dict[str, Any]:
        """Return the first line of a sale."""
        line = sale.receipt.lines[0]
        back = Receipt(
            uid=f"{sale.uid}-back", kind=DocumentKind.RETURN, total=line.total, lines=(line,), base_uid=sale.uid
        )
        return self._call("/v1/refund", {"receipt": codec.to_builtins(back)})

    # ── Ways ────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, receipt: Receipt, member: Member) -> Sale:
        """The POS asks before payment, lowers its prices, prints, confirms."""
        uid = receipt.uid
        found = self._call("/v1/identify", {"code": member.phone, "receipt_uid": uid})
        customer = found.get("customer", {}).get("id")
        plain = codec.to_builtins(receipt)
        quote = self._call("/v1/quote", {"receipt": plain, "points_max": True, "customer_id": customer})
        spent = _points(quote["decision"], "points_spent")
        if spent:
            wanted = {"receipt_uid": uid, "customer_id": customer, "unit": "bonus", "points": spent}
            if self._call("/v1/hold", wanted)["points"] < spent:
                quote = self._call("/v1/quote", {"receipt": plain, "customer_id": customer})
        final = closed_receipt(receipt, quote)
        self._print(final)
        confirm = {"receipt": codec.to_builtins(final), "decision_mark": quote["decision_mark"]}
        answer = self._call("/v1/confirm", confirm)
        return Sale(
            uid=uid,
            way="ask",
            receipt=final,
            total=final.total,
            discount=Money.parse(answer["decision"]["discount"]),
            customer=member.name,
            earned=_points(answer["decision"], "points_earned"),
            spent=_points(answer["decision"], "points_spent"),
            claim=answer["claim_code"],
        )

    def _in_line(self, receipt: Receipt, member: Member, way: str) -> Sale:
        """An old POS: the card is scanned beside it, and the print passes through the agent."""
        known = way == "in line"
        if known:
            self._scan(member)
        else:
            self.stage.wait_until(lambda status: status["screen"] == "idle")
        closed = paid(receipt, receipt.lines)
        paper = self._print(closed)
        return Sale(
            uid=closed.uid,
            way=way,
            receipt=closed,
            total=closed.total,
            discount=closed.total.with_minor(0),
            customer=member.name if known else "",
            earned=_number_on(paper, _EARNED) if known else 0,
            claim=_claim_on(paper),
        )

    def _scan(self, member: Member) -> None:
        """Scan until the agent shows the customer: a scan during a restart is simply lost, as at a real till."""
        for _ in range(TRIES_MAX):
            self.stage.scanner.scan(member.card)
            try:
                self.stage.wait_until(
                    lambda status: (status.get("customer") or {}).get("id") == member.id, timeout_s=2.0
                )
            except StageFailed:
                continue
            return
        raise StageFailed("the agent never showed the scanned customer")

    def _print(self, receipt: Receipt) -> tuple[str, ...]:
        """Print through the agent until the paper is there, as a cashier would; its lines.

        A raw printer port acknowledges nothing: only the paper tells that a receipt was printed.
        """
        stream = compose_receipt(receipt, STYLES[int(receipt.number) % len(STYLES)])
        heading = re.compile(rf"ЧЕК №\s*{receipt.number}\b")
        for _ in range(TRIES_MAX):
            before = len(self.stage.printer.paper)
            try:
                print_stream(self.stage.proxy_port, stream)
            except OSError:
                self.stage.pause()
                continue
            self.stage.printer.wait_for_paper(before + 1, PAPER_TIMEOUT_S)
            for paper in self.stage.printer.paper[before:]:
                if any(heading.search(line) for line in paper):
                    self.documents += 1
                    return paper
        raise StageFailed("the receipt never came out of the printer")

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask the agent, and again while it does not answer; the same uid never counts twice."""
        for _ in range(TRIES_MAX):
            try:
                return self.stage.api.call(path, body)
            except NoAnswer:
                self.stage.pause()
            except ApiRefused as refused:
                if refused.code not in {"timeout", "busy"}:
                    raise
        raise StageFailed(f"the agent never answered {path}")


def closed_receipt(receipt: Receipt, quote: dict[str, Any]) -> Receipt:
    """The receipt as the POS closes it: the quoted discounts on its lines, paid in cash."""
    quoted = {line["number"]: line for line in quote["lines"]}
    return paid(receipt, tuple(_discounted(line, quoted[line.number]) for line in receipt.lines))


def _discounted(line: Line, quoted: dict[str, str]) -> Line:
    discount = Money.parse(quoted["discount"])
    return replace(line, discount=discount, total=Money.parse(quoted["total"])) if discount else line


def paid(receipt: Receipt, lines: tuple[Line, ...]) -> Receipt:
    """The receipt with these lines, its total worked out and paid in cash, to the hundred above."""
    total = Money(sum(line.total.minor for line in lines), receipt.currency)
    handed = Money(-(-total.minor // 10_000) * 10_000, receipt.currency)
    change = handed - total
    cash = Tender(kind=TenderKind.CASH, amount=handed)
    return replace(receipt, lines=lines, total=total, tenders=(cash,), change=change or None)


def _points(decision: dict[str, Any], effect: str) -> int:
    return sum(one["amount"] for one in decision.get("effects", ()) if one["effect"] == effect)


def _claim_on(paper: tuple[str, ...]) -> str:
    """The claim code on the slip, "" when the agent's lines are not on the paper."""
    return next((match[1] for line in paper if (match := _CLAIM.search(line))), "")


def _number_on(paper: tuple[str, ...], wanted: re.Pattern[str]) -> int:
    """A number of the slip, 0 when it is not there."""
    return next((int(match[1].replace(" ", "")) for line in paper if (match := wanted.search(line))), 0)
