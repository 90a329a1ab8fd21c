"""Questions over a good and a bad line: one close is one fiscal document, wherever the line is cut."""

import pytest

from drivers.printers.shtrih.closing import Closing
from drivers.printers.shtrih.frames import ENQ
from drivers.printers.shtrih.host import condition, continue_printing, print_slip
from drivers.printers.shtrih.models import model_named
from drivers.printers.shtrih.pos_script import classic_receipt
from drivers.printers.shtrih.session import AnswerLost, insist
from drivers.printers.shtrih.simulator import Rudeness
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError

CLOSE = {f"payment{n}": 20_000 if n == 1 else 0 for n in range(1, 5)}
CLOSE |= {"percent": 0, "tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0, "text": ""}
TOTAL = 12_159
SPOILERS = ["wrong_checksum", "half_answer", "duplicate_answer", "answer_lost", "ff_before_control"]
protocols = pytest.mark.parametrize("protocol", [1, 2])


def _open(twin):
    """A receipt that is ready to be closed, made beside the line."""
    for body in classic_receipt()[:-2]:
        twin.register.execute(body)


def _receipts(twin):
    return [stored for stored in twin.register.memory.documents.values() if stored.kind == 3]


@protocols
def test_a_question_is_answered(shop, protocol):
    ask, _, _ = shop(protocol=protocol)

    assert insist(ask("short_status", password=30)).number("mode") == 4
    assert insist(ask("device_type")).values["name"] == "TILLPOINT TWIN"


@protocols
@pytest.mark.parametrize("rude", SPOILERS)
def test_a_spoiled_answer_is_asked_for_again_and_the_command_is_not(shop, protocol, rude):
    """A line is printed once, whatever happens to its answer."""
    ask, _, twin = shop(protocol=protocol)
    insist(ask("short_status", password=30))
    twin.be_rude(rude)
    insist(ask("print_line", password=30, flags=2, text="once"))
    insist(ask("short_status", password=30))

    assert twin.paper == ("once",)


@protocols
def test_after_a_restart_nothing_is_sent_blindly(shop, protocol):
    ask, _, twin = shop(protocol=protocol)
    insist(ask("short_status", password=30))
    twin.be_rude("restart")
    with pytest.raises(AnswerLost) as lost:
        ask("print_line", password=30, flags=2, text="once")

    assert lost.value.may_have_happened
    assert twin.paper == ("once",)


@protocols
def test_a_harmless_question_survives_a_restart(shop, protocol):
    ask, _, twin = shop(protocol=protocol)
    insist(ask("short_status", password=30))
    twin.be_rude("restart")

    assert insist(ask("short_status", password=30)).number("mode") == 4


@protocols
def test_a_register_that_is_off_is_told_in_time(shop, protocol):
    ask, pipe, _ = shop(protocol=protocol, rude=["silence"])
    with pytest.raises(AnswerLost) as lost:
        ask("print_line", password=30, flags=2, text="x")

    assert not lost.value.may_have_happened
    assert pipe.now_s < 60
    assert condition(ask, password=30).code == "E305"


def test_the_answer_to_somebody_elses_question_is_taken_and_forgotten(shop):
    ask, pipe, twin = shop()
    twin.feed(bytes.fromhex("02 05 11 1e 00 00 00 0a"), 0.0)  # a till asked and was unplugged before its ACK

    assert insist(ask("short_status", password=30)).command.name == "short_status"
    assert pipe.asked.count(ENQ) >= 2


@protocols
def test_a_close_is_one_document_wherever_the_line_is_cut(shop, protocol):
    """The line is cut at every byte of the exchange, in both directions; then a new connection goes on."""
    _, whole, twin = (made := shop(protocol=protocol))
    _open(twin)
    Closing("close_receipt", password=30, total=TOTAL, **CLOSE).attempt(made[0])
    assert len(_receipts(twin)) == 1
    cuts = [("cut_at", at) for at in range(whole.to_device)] + [("cut_back_at", at) for at in range(whole.to_host)]
    for name, at in cuts:
        ask, pipe, twin = shop(protocol=protocol)
        _open(twin)
        setattr(pipe, name, at)
        closing = Closing("close_receipt", password=30, total=TOTAL, **CLOSE)
        try:
            closed = closing.attempt(ask)
        except AnswerLost:
            ask, _, _ = shop(protocol=protocol, twin=twin)
            closed = closing.attempt(ask)
        receipts = _receipts(twin)
        assert len(receipts) == 1, (name, at)
        assert receipts[0].number == closed.document, (name, at)

    assert len(cuts) > 150


@protocols
def test_a_close_survives_a_restart(shop, protocol):
    ask, _, twin = shop(protocol=protocol)
    _open(twin)
    insist(ask("short_status", password=30))
    closing = Closing("close_receipt", password=30, total=TOTAL, **CLOSE)
    insist(ask("memory_status", password=30))
    original = twin.register.execute

    def restart_at_close(body):
        if body[0] == 0x85:
            twin.be_rude("restart")
        return original(body)

    twin.register.execute = restart_at_close

    assert closing.attempt(ask).was_found
    assert len(_receipts(twin)) == 1


def test_a_close_that_is_refused_leaves_the_receipt_open(shop):
    ask, _, twin = shop()
    _open(twin)
    too_little = {**CLOSE, "payment1": 100}
    with pytest.raises(DeviceRefused) as refused:
        Closing("close_receipt", password=30, total=TOTAL, **too_little).attempt(ask)

    assert refused.value.code == "E317"
    assert refused.value.maker_code == "45h"
    assert twin.register.receipt is not None


def test_a_receipt_cancelled_behind_our_back_is_not_closed(shop):
    ask, pipe, twin = shop()
    _open(twin)
    closing = Closing("close_receipt", password=30, total=TOTAL, **CLOSE)
    pipe.cut_at = 24  # the question for the last document has passed, the close has begun
    with pytest.raises(AnswerLost):
        closing.attempt(ask)
    twin.register.execute(bytes.fromhex("88 1e 00 00 00"))
    ask, _, _ = shop(twin=twin)
    if closing._is_sent:
        with pytest.raises(RemoteProtocolError, match="cancelled"):
            closing.attempt(ask)
    else:
        with pytest.raises(DeviceRefused):
            closing.attempt(ask)

    assert _receipts(twin) == []


# ── Host ────────────────────────────────────────────────────────────────────────────────────────


@protocols
def test_a_slip_is_printed_and_cut(shop, protocol):
    ask, _, twin = shop(protocol=protocol)
    print_slip(ask, ["Начислено 15 баллов", "", "x" * 50], model=model_named("shtrih-light"), password=30, wait=None)

    assert twin.paper[:4] == ("Начислено 15 баллов", " ", "x" * 32, "x" * 18)
    assert twin.paper[4].startswith("✂")


TROUBLES = {"paper_out": "E301", "cover_open": "E302", "printing_interrupted": "E315", "shift_over_24h": "E310"}


@pytest.mark.parametrize("rude", TROUBLES)
def test_trouble_is_told_in_our_words(shop, rude):
    ask, _, twin = shop()
    insist(ask("open_shift", password=30))
    twin.be_rude(rude)
    found = condition(ask, password=30)

    assert TROUBLES[rude] == found.code
    assert found.sentence


def test_printing_goes_on_after_the_roll_is_changed(shop):
    ask, _, twin = shop()
    insist(ask("open_shift", password=30))
    twin.be_rude("paper_out")
    with pytest.raises(DeviceRefused, match="out of paper"):
        print_slip(ask, ["one"], model=model_named("shtrih-m"), password=30, wait=None)
    twin.be_rude("paper_out", on=False)
    assert condition(ask, password=30).code == "E315"
    assert continue_printing(ask, password=30)
    assert not continue_printing(ask, password=30)
    print_slip(ask, ["one"], model=model_named("shtrih-m"), password=30, wait=None, cut=False)

    assert twin.paper[-1] == "one"


def test_a_register_that_prints_is_waited_for(shop):
    ask, _, twin = shop()
    waits = []

    def busy(name, /, **values):
        answer = ask(name, **values)
        if len(waits) < 3:
            return type(answer)(command=answer.command, error=0x50, values={})
        return answer

    print_slip(busy, ["one"], model=model_named("shtrih-m"), password=30, wait=waits.append, cut=False)
    assert waits == [0.1] * 3
    waits.clear()

    def always_busy(name, /, **values):
        answer = ask("short_status", password=30)
        return type(answer)(command=answer.command, error=0x50, values={})

    with pytest.raises(DeviceRefused, match="still printing"):
        print_slip(always_busy, ["one"], model=model_named("shtrih-m"), password=30, wait=waits.append)
    assert len(waits) == 50
    assert twin.paper


def test_a_shift_over_24_hours_sells_nothing(shop):
    ask, _, twin = shop()
    insist(ask("open_shift", password=30))
    twin.be_rude("shift_over_24h")

    assert ask("open_receipt", password=30, type=0).error == 0x4E
    insist(ask("report_z", password=30))
    assert ask("open_receipt", password=30, type=0).error == 0


def test_every_rudeness_is_known_by_name(shop):
    for rude in Rudeness:
        _, _, twin = shop(rude=[rude.value])
        twin.be_rude(rude.value, on=False)
