"""The demo's story in plain words, and the sums that prove it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from agent.demo.day import Day
from agent.demo.stage import Stage
from drivers.vocabulary.money import Money

__all__ = ["Sums", "open_shop", "tell"]

ONLINE_SALES: Final = 12
OFFLINE_SALES: Final = 10
DRAIN_TIMEOUT_S: Final = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the demo is judged by."""

    receipts_read: int
    customers: int
    discount: Money
    points_earned: int
    points_spent: int
    queued_offline: int
    made: int
    at_centre: int
    sales_at_centre: int
    sold: int
    troubles: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Envelopes made here that the centre does not have, and sales without an effect there."""
        return max(0, self.made - self.at_centre) + max(0, self.sold - self.sales_at_centre)

    @property
    def doubled(self) -> int:
        """Sales that count more often at the centre than they were made."""
        return max(0, self.sales_at_centre - self.sold) + max(0, self.at_centre - self.made)

    @property
    def hold(self) -> bool:
        """True when every invariant holds."""
        return not (self.lost or self.doubled or self.troubles)


def open_shop(folder: Path, say: Say) -> Stage:
    """Start everything."""
    began = time.monotonic()
    programme = folder / "programme.toml"
    programme.write_bytes((resources.files("agent.demo") / "programme.toml").read_bytes())
    stage = Stage(folder, programme)
    try:
        say("Opening the central server: a programme and forty invented members …")
        stage.open_centre()
        say("Enrolling the till with a one-time code …")
        stage.enrol()
        say("Starting the agent between the till and its printer …")
        stage.open_agent()
        stage.wait_until(lambda status: status["link"] == "online" and status["programme_version"] > 0)
    except BaseException:
        stage.close()
        raise
    say(f"The shop is open ({time.monotonic() - began:.1f} s).\n")
    return stage


def tell(stage: Stage, say: Say) -> Sums:
    """Sell on line, off line and on line again; count everything twice, here and at the centre."""
    day = Day(stage)
    say("1. On line. The POS asks, or prints through the agent; the scanner reads cards.")
    for number in range(1, ONLINE_SALES + 1):
        say("   " + _line(day, number))
    say("\n2. One line of a receipt is brought back.")
    _bring_back(day, say)
    say("\n3. Somebody pulls the network cable.")
    assert stage.gate is not None
    stage.gate.cut()
    stage.wait_until(lambda status: status["link"] == "offline")
    for number in range(ONLINE_SALES + 1, ONLINE_SALES + OFFLINE_SALES + 1):
        say("   " + _line(day, number))
    queued = stage.wait_until(lambda status: status["waiting"] > 0)["waiting"]
    say(f"   The shop sold on. {queued} envelopes wait on the till's disk.")
    say("\n4. The agent is killed in the middle of it, and started again.")
    stage.kill_agent()
    stage.open_agent()
    say("   " + _line(day, ONLINE_SALES + OFFLINE_SALES + 1))
    queued = stage.wait_until(lambda status: status["waiting"] > 0)["waiting"]
    say("\n5. The cable is plugged in again.")
    stage.gate.mend()
    began = time.monotonic()
    stage.wait_until(lambda status: status["waiting"] == 0 and status["link"] == "online", DRAIN_TIMEOUT_S)
    say(f"   {queued} envelopes delivered {time.monotonic() - began:.1f} s later.")
    return count(day, queued)


def count(day: Day, queued: int) -> Sums:
    """Ask both sides."""
    stage = day.stage
    with ThreadPoolExecutor() as asking:
        at_centre = asking.submit(stage.totals)
        here = asking.submit(stage.tillpoint, "queue", "status", "--json", "--config", str(stage.config))
        chain = asking.submit(stage.tillpoint, "journal", "--verify", "--json", "--config", str(stage.config))
    totals = at_centre.result()
    local: dict[str, Any] = json.loads(here.result())
    verified = json.loads(chain.result())
    slips = sum(any("Код лояльности" in line for line in paper) for paper in stage.printer.paper)
    troubles = list(totals["imbalances"])
    if totals["refused"]:
        troubles.append(f"the centre refused {totals['refused']} envelopes")
    if totals["unread"]:
        troubles.append(f"{totals['unread']} printed receipts were not understood")
    if not verified["ok"]:
        troubles.append("the chain of envelopes is broken")
    if slips < len(day.sales):
        troubles.append(f"only {slips} of {len(day.sales)} receipts carry their loyalty lines")
    claims = {sale.claim for sale in day.sales}
    if totals["returns"] != 1:
        troubles.append(f"one return was made, the centre has {totals['returns']}")
    if len(claims) != len(day.sales):
        troubles.append("two receipts have one claim code")
    return Sums(
        receipts_read=day.documents,
        customers=sum(bool(sale.customer) for sale in day.sales),
        discount=Money(sum(sale.discount.minor for sale in day.sales), "RUB"),
        points_earned=sum(sale.earned for sale in day.sales),
        points_spent=sum(sale.spent for sale in day.sales),
        queued_offline=queued,
        made=local["last_sequence"],
        at_centre=totals["envelopes"],
        sales_at_centre=totals["sales"],
        sold=len(day.sales),
        troubles=tuple(troubles),
    )


def shop_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the demo; on Windows a file that is still open does not stop us."""
    return tempfile.TemporaryDirectory(prefix="tillpoint-demo-", ignore_cleanup_errors=True)


def _line(day: Day, number: int) -> str:
    """Sell, and say what happened."""
    sale = day.sell(number)
    who = sale.customer or "nobody known"
    off = f"{sale.discount.amount:>8} off" if sale.discount else " " * 12
    spent = f"{sale.spent:>4} points spent" if sale.spent else " " * 17
    earned = f"{sale.earned:>3} earned" if sale.earned else ""
    return f"{number:>3} {sale.way:<9} {who:<14} pays {sale.total.amount:>9}  {off} {spent} {earned}".rstrip()


def _bring_back(day: Day, say: Say) -> None:
    """Take back the first line of the first receipt the POS asked for."""
    sale = next(one for one in day.sales if one.way == "ask")
    answer = day.take_back(sale)
    again = day.take_back(sale)
    line = sale.receipt.lines[0]
    given, taken = answer.get("points_given_back", {}), answer.get("points_taken_back", {})
    say(
        f"   {line.name}, {line.total.amount}: {sum(given.values())} points given back, {sum(taken.values())} taken."
        f" Asked a second time, the till answers the same{'' if again.get('duplicate') else ' (NOT)'}."
    )
