"""A one-time code as a proof: asked for beside the till, kept over a restart, spent once; other proofs stay good."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from agent import acts
from agent.snapshot import CodeState, LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted

ANNA, BORIS = "+79000000001", "+79000000002"
SENT = CodeSent(digits=4, mask="+7900***01", expires_s=180, again_s=30)


@pytest.fixture
def desk(rig: Any) -> Any:
    """Anna's number was typed, and the cashier is asked how many points."""
    prepare(rig.desk)
    return rig.desk


def prepare(desk: Any) -> None:
    desk.rules = dataclasses.replace(desk.rules, codes=True)
    desk.link_changed(LinkState.ONLINE, "")
    assert desk.panel_identify(contract.IdentifyRequest(code=ANNA, presented=False), replaces=True) is None
    desk.act(acts.AskSpending())


def seen(desk: Any) -> Any:
    desk.snapshot(1)
    return desk.shown


def asked(desk: Any, answer: CodeSent | None = SENT) -> CodeWanted:
    question = desk.act(acts.AskCode())
    assert isinstance(question, CodeWanted)
    desk.code_answered(question, answer)
    return question


def tried(desk: Any, code: str = "4711", points: int | None = None) -> CodeTried:
    question = desk.act(acts.TryCode(code=code, points=points))
    assert isinstance(question, CodeTried)
    return question


def test_a_right_code_spends(rig: Any, desk: Any) -> None:
    """From the question to the wish; the code itself is in no snapshot and on no disk."""
    assert (True, None) == (seen(desk).redeem.can_code, seen(desk).redeem.code)
    wanted = asked(desk)
    assert (CodeState.SENT, "+7900***01", 4) == (
        seen(desk).redeem.code.state, seen(desk).redeem.code.mask, seen(desk).redeem.code.digits,
    )  # fmt: skip
    question = tried(desk, points=20)
    assert (wanted.id, "m-1", CodeState.CHECKING) == (question.id, question.customer_id, seen(desk).redeem.code.state)
    desk.code_answered(question, CodeVerdict(is_right=True, tries_left=3))

    assert (Screen.FOUND, 20, "code") == (seen(desk).screen, seen(desk).wish.points, desk.current.wish.proof)
    assert b"4711" not in b"".join(path.read_bytes() for path in rig.folder.iterdir() if path.is_file())
    desk.code_answered(question, CodeVerdict(is_right=True, tries_left=3))  # told twice
    assert {"spend_wishes": 1} == seen(desk).counts


def test_nothing_is_spent_before_the_centre_said_so(desk: Any) -> None:
    """Neither by a page that claims it, nor by a wrong code; the tries are told."""
    asked(desk)
    with pytest.raises(CheckoutRefused, match="show the card"):
        desk.act(acts.Spend())
    desk.code_answered(tried(desk, "1111"), CodeVerdict(tries_left=2, reason="wrong"))

    assert (CodeState.SENT, "wrong", 2, None) == (
        seen(desk).redeem.code.state, seen(desk).redeem.code.reason, seen(desk).redeem.code.tries_left, seen(desk).wish,
    )  # fmt: skip


def test_one_question_at_a_time(desk: Any) -> None:
    """A nervous finger sends one message; half a minute later another one may be asked for."""
    question = desk.act(acts.AskCode())
    assert desk.act(acts.AskCode()) is None
    desk.code_answered(question, SENT)
    assert desk.act(acts.AskCode()) is None
    desk.clock.forward(seconds=30)

    assert question.id != desk.act(acts.AskCode()).id


def test_without_a_line_the_other_proofs_are_there_at_once(desk: Any) -> None:
    """No code is offered, none is asked for, and a supervisor is good."""
    desk.link_changed(LinkState.OFFLINE, "")
    assert not seen(desk).redeem.can_code
    with pytest.raises(CheckoutRefused, match="show the card, or ask a supervisor"):
        desk.act(acts.AskCode())
    desk.act(acts.Spend(supervisor=True))

    assert "supervisor" == desk.current.wish.proof


def test_a_line_that_breaks_while_the_code_is_asked_for(desk: Any) -> None:
    """Said in a word; asked again at once, because nobody knows whether it went."""
    asked(desk, None)
    assert (CodeState.FAILED, "no_line") == (seen(desk).redeem.code.state, seen(desk).redeem.code.reason)

    assert desk.act(acts.AskCode()) is not None


def test_an_answer_that_is_lost_costs_no_code(desk: Any) -> None:
    """The same digits are typed once more."""
    asked(desk)
    desk.code_answered(tried(desk), None)
    assert (CodeState.SENT, "no_line", 3) == (
        seen(desk).redeem.code.state, seen(desk).redeem.code.reason, seen(desk).redeem.code.tries_left,
    )  # fmt: skip
    desk.code_answered(tried(desk), CodeVerdict(is_right=True, tries_left=3))

    assert seen(desk).wish is not None


def test_a_centre_that_sends_none_is_asked_once_in_an_hour(desk: Any) -> None:
    """The next customer is offered what there is."""
    asked(desk, CodeSent(reason="no_sender"))
    assert ("no_sender", False) == (seen(desk).redeem.code.reason, seen(desk).redeem.can_code)
    desk.clear()
    prepare(desk)
    assert not seen(desk).redeem.can_code
    desk.clock.forward(hours=1, seconds=1)
    desk.clear()
    prepare(desk)

    assert seen(desk).redeem.can_code


def test_who_has_no_phone_is_not_asked_about_again(desk: Any) -> None:
    """For this customer; the next one may have one."""
    asked(desk, CodeSent(reason="no_phone"))
    assert not seen(desk).redeem.can_code
    desk.clear()
    prepare(desk)

    assert seen(desk).redeem.can_code


def test_a_word_about_somebody_who_has_gone_does_nothing(desk: Any) -> None:
    """The code was right, and another customer stands there."""
    asked(desk)
    question = tried(desk)
    desk.clear()
    desk.panel_identify(contract.IdentifyRequest(code=BORIS, presented=False), replaces=True)
    desk.code_answered(question, CodeVerdict(is_right=True, tries_left=3))

    assert (None, False) == (seen(desk).wish, desk.current.proven)


def test_a_right_code_after_the_cashier_went_back_proves_and_spends_nothing(desk: Any) -> None:
    """It was the customer's phone all the same: F2 and Enter are enough now."""
    asked(desk)
    question = tried(desk)
    desk.act(acts.Back())
    desk.code_answered(question, CodeVerdict(is_right=True, tries_left=3))
    assert (Screen.FOUND, None) == (seen(desk).screen, seen(desk).wish)
    desk.act(acts.AskSpending())

    assert not seen(desk).redeem.needs_proof


def test_a_restart_keeps_a_code_that_was_sent(rig: Any, desk: Any) -> None:
    """And gives up a question that died with the process."""
    asked(desk)
    tried(desk)
    rig.desk.close()
    rig.clock.boot_id = "boot-2"
    again = rig.open()
    again.rules = dataclasses.replace(again.rules, codes=True)
    again.link_changed(LinkState.ONLINE, "")
    assert CodeState.SENT is seen(again).redeem.code.state
    again.code_answered(tried(again), CodeVerdict(is_right=True, tries_left=3))

    assert seen(again).wish is not None


def test_an_old_code_is_none(desk: Any) -> None:
    """After three minutes it is not sent to the centre."""
    asked(desk)
    desk.clock.forward(seconds=180)
    assert (CodeState.FAILED, "expired") == (seen(desk).redeem.code.state, seen(desk).redeem.code.reason)

    with pytest.raises(CheckoutRefused, match="not good any more"):
        tried(desk)


def test_a_till_without_codes_offers_none(rig: Any) -> None:
    """`panel.codes` is off unless store IT says otherwise."""
    rig.desk.link_changed(LinkState.ONLINE, "")
    rig.desk.panel_identify(contract.IdentifyRequest(code=ANNA, presented=False), replaces=True)
    rig.desk.act(acts.AskSpending())

    assert not seen(rig.desk).redeem.can_code
