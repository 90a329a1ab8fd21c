"""States beside finding and spending: last digits, cases, limits against misuse, one-time codes, training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from agent import acts
from agent.checkout.customers.limits import LimitRules
from agent.training import phones
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from tests.browser.real_till import Phone

__all__ = ["CASE_STATES", "settle"]

ANNA, BORIS = "2900000000018", "2900000000025"
SAME_ENDS = ("+79110000001", "+79120000001"), ("+79110000004", "+79120000004")  # as Anna's, and as the long name's


def settle(till: Any) -> None:
    """What these states leave behind is gone."""
    till.till.panel_act(acts.Train(on=False), timeout_s=10)
    till.set_rules(limits=LimitRules(), codes=False)
    till.ask_code = lambda _: None


def _told(panel: Any, till: Any) -> None:
    """Anna told her number."""
    till.till.panel_identify("+79000000001", presented=False, timeout_s=10)
    panel.wait("found")


# ── Last four digits ────────────────────────────────────────────────────────────────────────────


def _pick(panel: Any, till: Any) -> None:
    _pick_of(panel, till, ("+79000000001", *SAME_ENDS[0]))


def _pick_long(panel: Any, till: Any) -> None:
    _pick_of(panel, till, ("+79000000004", *SAME_ENDS[1]))


def _pick_of(panel: Any, till: Any, numbers: tuple[str, ...]) -> None:
    """All of them were here: who is not a member yet joins."""
    consents = tuple(
        ConsentGiven(purpose=one.purpose, text_version=one.version, channel=ConsentChannel.CASHIER, given=True)
        for one in till.rig.desk.rules.consents
    )
    for number in reversed(numbers):
        till.clock.forward(seconds=1)  # the last one is the first row
        till.till.enrol(contract.EnrolCustomerRequest(phone=number, consents=consents), timeout_s=10)
        till.till.panel_clear(timeout_s=10)
        till.till.panel_identify(number, presented=False, timeout_s=10)
        till.till.panel_clear(timeout_s=10)
    panel.wait("idle")
    panel.type_slowly(numbers[0][-4:])
    panel.press("Enter")
    panel.wait("pick")
    panel.page.wait_for_selector("#picks li:nth-child(3)")


# ── Something else for a customer ───────────────────────────────────────────────────────────────


def _case(panel: Any, till: Any) -> None:
    _told(panel, till)
    panel.press("F4")
    panel.wait("case")


def _reissue(panel: Any, till: Any) -> None:
    _case(panel, till)
    panel.press("1")
    panel.wait("reissue")
    panel.type_slowly("48")


def _reissue_scan(panel: Any, till: Any) -> None:
    """The app has shown who it is: nothing but the new card is wanted."""
    till.till.panel_identify(ANNA, presented=True, timeout_s=10)
    panel.wait("found")
    panel.press("F4")
    panel.wait("case")
    panel.press("1")
    panel.wait("reissue")


def _withdrawn(panel: Any, till: Any) -> None:
    _case(panel, till)
    panel.press("2")
    panel.wait("withdrawn")


# ── Limits ──────────────────────────────────────────────────────────────────────────────────────


def _back_again(panel: Any, till: Any, rules: LimitRules) -> None:
    """Boris has bought something a moment ago, and is here once more."""
    till.number += 1
    till.till.panel_identify(BORIS, presented=True, timeout_s=10)
    panel.wait("found")
    till.confirm(f"r-often-{till.number}", "100", "0")
    panel.wait("idle")
    till.set_rules(limits=rules)
    till.till.panel_identify(BORIS, presented=True, timeout_s=10)
    panel.wait("limit")


def _limit(panel: Any, till: Any) -> None:
    _back_again(panel, till, LimitRules(card_hour=1))


def _limit_hard(panel: Any, till: Any) -> None:
    _back_again(panel, till, LimitRules(card_day_hard=1))
    panel.type_slowly("48")


def _limit_stands(panel: Any, till: Any) -> None:
    _back_again(panel, till, LimitRules(card_day_hard=1))
    panel.press("Escape")
    panel.wait("found")
    panel.page.wait_for_selector("#toast:not(:empty)")


# ── A one-time code ─────────────────────────────────────────────────────────────────────────────


def _code_offered(panel: Any, till: Any) -> None:
    till.set_rules(codes=True)
    till.ask_code = Phone()
    _told(panel, till)
    panel.press("F2")
    panel.wait("redeem")


def _code_sent(panel: Any, till: Any) -> None:
    _code_offered(panel, till)
    panel.press("F10")
    panel.page.wait_for_selector("#redeem-pin:visible")
    panel.type_slowly("47")


def _code_wrong(panel: Any, till: Any) -> None:
    _code_sent(panel, till)
    panel.type_slowly("12")
    panel.page.wait_for_selector("#redeem-proof:has-text('2')")  # so many tries are left


def _code_failed(panel: Any, till: Any) -> None:
    _code_offered(panel, till)
    till.ask_code = lambda _: None
    panel.press("F10")
    panel.page.wait_for_selector("footer button:nth-of-type(1):visible")  # once more


# ── Training ────────────────────────────────────────────────────────────────────────────────────


def _training(panel: Any, till: Any) -> None:
    till.till.panel_act(acts.Train(on=True, supervisor=True), timeout_s=10)
    panel.page.wait_for_selector("#training:visible")


def _training_family(panel: Any, till: Any) -> None:
    _training(panel, till)
    till.till.panel_identify(phones("RUB")[2], presented=False, timeout_s=10)
    panel.wait("found")
    till.quote()
    panel.page.wait_for_selector("#quote .big")


def _training_offline(panel: Any, till: Any) -> None:
    """Two bars above the fullest screen there is."""
    _training(panel, till)
    till.till.panel_identify(phones("RUB")[5], presented=False, timeout_s=10)
    panel.wait("found")
    till.quote(coupons=("BREAD50", "NO-SUCH"))
    panel.page.wait_for_selector("#strip:visible")
    panel.page.wait_for_selector("#notes li")


def _training_help(panel: Any, till: Any) -> None:
    """Nothing behind a dialog can be reached, the bar's button included."""
    _training(panel, till)
    panel.press("F1")
    panel.page.wait_for_selector("#help:visible")


CASE_STATES: Final[dict[str, Callable[[Any, Any], None]]] = {
    "pick": _pick,
    "pick-long": _pick_long,
    "case": _case,
    "reissue": _reissue,
    "reissue-scan": _reissue_scan,
    "withdrawn": _withdrawn,
    "limit": _limit,
    "limit-hard": _limit_hard,
    "limit-stands": _limit_stands,
    "code-offered": _code_offered,
    "code-sent": _code_sent,
    "code-wrong": _code_wrong,
    "code-failed": _code_failed,
    "training": _training,
    "training-family": _training_family,
    "training-offline": _training_offline,
    "training-help": _training_help,
}
