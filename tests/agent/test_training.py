"""Training (scorecard row 43): every word of it says so, and nothing of it is on the till's disk or goes to the centre."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import acts
from agent.snapshot import LinkState, Screen
from agent.till import Till
from agent.till_loop import LinkChanged
from agent.training import CARDS, open_training, phones
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import HoldGrant
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import CodeScanned
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.test_till import WAIT_S, first

BEGIN, END = acts.Train(on=True, supervisor=True), acts.Train(on=False)


@dataclasses.dataclass
class Asked:
    """The centre, which must not be asked."""

    questions: list[Any] = dataclasses.field(default_factory=list)

    def __call__(self, wanted: Any) -> Any:
        self.questions.append(wanted)
        return HoldGrant(id="h", points=getattr(wanted, "points", 0))


@pytest.fixture
def centre() -> Asked:
    return Asked()


@pytest.fixture
def till(rig: Any, centre: Asked) -> Iterator[Till]:
    rig.desk.close()
    made = Till(
        rig.open, ask_hold=centre, ask_certificate=centre, ask_coupons=centre, ask_lookup=centre, ask_code=centre,
        first=first(),
    )  # fmt: skip
    assert "" == made.start(WAIT_S)
    made.emit(LinkChanged(LinkState.ONLINE))
    yield made
    made.stop(WAIT_S)


def act(till: Till, done: acts.Act) -> Any:
    return till.panel_act(done, timeout_s=WAIT_S)


def show(till: Till, code: str) -> Any:
    return till.panel_identify(code, presented=code in CARDS, replace=True, timeout_s=WAIT_S)


def waiting(till: Till) -> int:
    return till.run_on_till(lambda desk: desk.store.depth().waiting, timeout_s=WAIT_S)


def sell(till: Till, rig: Any, uid: str) -> contract.ConfirmAnswer:
    till.quote(contract.QuoteRequest(receipt=rig.sale(uid, "100"), points_max=True), timeout_s=WAIT_S)
    request = contract.ConfirmRequest(receipt=rig.paid(uid, "100", "0"))
    return till.confirm(request, timeout_s=WAIT_S)


def test_nothing_of_a_training_is_kept_or_sent(till: Till, rig: Any, centre: Asked) -> None:
    """A customer, a sale with points, somebody new, a refusal: the real files stay as they were, the centre hears nothing."""
    assert act(till, BEGIN).training is not None
    shown = show(till, phones("RUB")[0])
    assert ("A. 1", 1_240) == (shown.customer.name, shown.customer.balances[0].available)
    answer = sell(till, rig, "training-receipt-1")
    consents = (ConsentGiven(purpose="loyalty", text_version="1", channel=ConsentChannel.CASHIER),)
    till.enrol(contract.EnrolCustomerRequest(phone="+79000000077", consents=consents), timeout_s=WAIT_S)
    show(till, "+79000000088")
    act(till, acts.Refused())
    folder = rig.folder
    act(till, END)

    assert ("*** TRAINING ***", "*** TRAINING ***") == (answer.slip[0].strip(), answer.slip[-1].strip())
    assert (0, [], {}) == (waiting(till), centre.questions, till.snapshot.counts)
    assert b"training-receipt-1" not in b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_it_needs_a_supervisor_and_ends_without(till: Till) -> None:
    """The doors check the PIN; the desk takes their word and nobody else's."""
    with pytest.raises(CheckoutRefused, match="PIN begins"):
        act(till, acts.Train(on=True))
    act(till, BEGIN)

    assert act(till, END).training is None


def test_it_begins_and_ends_with_nobody_at_the_till(till: Till) -> None:
    """A real customer does not become an invented one, nor the other way."""
    show(till, "+79000000001")
    assert (Screen.IDLE, None) == (act(till, BEGIN).screen, till.snapshot.customer)
    show(till, phones("RUB")[1])
    act(till, END)

    assert (Screen.IDLE, None) == (till.snapshot.screen, till.snapshot.customer)
    assert "Anna P." == show(till, "+79000000001").customer.name


def test_the_invented_people(till: Till) -> None:
    """A family, a blocked card, nobody, and one for whom the line is down."""
    act(till, BEGIN)
    numbers = phones("RUB")

    assert 3 == show(till, numbers[2]).customer.members
    till.panel_clear(timeout_s=WAIT_S)
    assert Screen.BLOCKED is show(till, numbers[4]).screen
    till.panel_clear(timeout_s=WAIT_S)
    assert Screen.NOT_FOUND is show(till, "+79000000055").screen
    till.panel_clear(timeout_s=WAIT_S)
    assert LinkState.OFFLINE is show(till, numbers[5]).link
    till.panel_clear(timeout_s=WAIT_S)
    assert LinkState.ONLINE is till.snapshot.link


def test_a_scanner_of_ours_scans_in_training_too(till: Till) -> None:
    """What a device reads goes to the training's desk."""
    act(till, BEGIN)
    till.emit(CodeScanned(device="scanner", code=CARDS[0]))
    till.panel_act(acts.Back(), timeout_s=WAIT_S)

    assert "training-1" == till.snapshot.customer.id


def test_it_ends_with_the_shift(till: Till, rig: Any) -> None:
    """A report on the printer's stream."""
    act(till, BEGIN)
    till.document_printed("receipt", rig.document(None, DocumentKind.REPORT), timeout_s=WAIT_S)
    act(till, acts.Back())

    assert till.snapshot.training is None


def test_a_restart_ends_it(till: Till, rig: Any) -> None:
    """Nothing on disk says that there was one."""
    act(till, BEGIN)
    till.stop(WAIT_S)
    again = Till(rig.open, ask_hold=Asked(), first=first())
    assert "" == again.start(WAIT_S)
    try:
        assert again.snapshot.training is None
    finally:
        again.stop(WAIT_S)


def test_its_time_is_up(rig: Any) -> None:
    """After an hour, or what the settings say; its folder is gone with it."""
    training = open_training(rig.desk, lasts=timedelta(minutes=60))
    folder = Path(training.folder.name)
    assert [False, True] == [training.is_over(rig.clock.now() + timedelta(minutes=m)) for m in (59, 60)]
    training.close()

    assert not folder.exists()


def test_no_real_price_goes_down_for_an_invented_customer(till: Till, rig: Any) -> None:
    """A register that is open behind the till's back is left alone."""
    act(till, BEGIN)
    show(till, CARDS[0])
    document = rig.document(rig.sale("r-1", "100"))

    assert till.offer_inside("register", document, timeout_s=WAIT_S) is None
