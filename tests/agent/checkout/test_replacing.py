"""Another card at a scanner of ours follows the panel's rule (scorecard row 25): the customer at the till is not swapped."""

from __future__ import annotations

from typing import Any

from agent import acts
from agent.checkout.customers.guests import Asked
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.events import CodeScanned
from tests.agent.conftest import CARDS


def scan(rig: Any, code: str) -> Any:
    found = rig.desk.scanned(CodeScanned(device="scanner", code=code))
    rig.clock.forward(seconds=5)
    rig.desk.snapshot(1)
    return found


def seen(rig: Any) -> Any:
    rig.desk.snapshot(1)
    return rig.desk.shown


def test_points_that_are_being_spent_stay_the_first_customers(rig: Any) -> None:
    """Anna wishes, Boris's card is read: the panel asks, and a quote meanwhile is Anna's."""
    scan(rig, CARDS[0])
    rig.desk.act(acts.AskSpending())
    rig.desk.act(acts.Spend(points=20))
    scan(rig, CARDS[1])
    quoted = rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "100")))

    assert (Screen.ASK, "m-1") == (seen(rig).screen, seen(rig).customer.id)
    assert [20] == [one.amount for one in quoted.decision.spent]
    rig.desk.act(acts.KeepCustomer())
    assert (Screen.FOUND, 20) == (seen(rig).screen, seen(rig).wish.points)


def test_the_cashier_may_say_yes(rig: Any) -> None:
    """The card was shown: it is a proof for its own customer."""
    scan(rig, CARDS[0])
    scan(rig, CARDS[1])
    rig.desk.act(acts.ReplaceCustomer())

    assert ("m-2", None, True) == (seen(rig).customer.id, seen(rig).wish, rig.desk.current.presented)


def test_nobody_at_the_till_and_the_same_customer_ask_nothing(rig: Any) -> None:
    """Scan, and scan again after the number was typed."""
    rig.desk.panel_identify(contract.IdentifyRequest(code="+79000000001", presented=False), replaces=False)
    scan(rig, CARDS[0])

    assert (Screen.FOUND, True) == (seen(rig).screen, rig.desk.current.presented)


def test_a_customer_only_the_centre_knows_is_asked_about_too(rig: Any) -> None:
    """Its word comes later; by then Anna is at the till."""
    scan(rig, CARDS[0])
    rig.desk.link_changed(LinkState.ONLINE, "")
    asked = scan(rig, CARDS[2])
    assert isinstance(asked, Asked)
    rig.desk.scan_asked(asked, None, is_awaited=False)

    assert ("m-1", "not_found") == (seen(rig).customer.id, seen(rig).notice)
