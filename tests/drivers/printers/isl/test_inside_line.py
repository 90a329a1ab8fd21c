"""The till's payment in our hands, and a line on which everything can happen: time-outs, repeats, lost bytes, restarts."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.guard import FLOOR_S_MAX
from drivers.printers.isl.fields import Sale, write_sale
from drivers.printers.isl.fiscal import NOT_NOW, Carried
from drivers.printers.isl.frames import SYN, Frame, FrameReader
from drivers.printers.isl.link import ANSWER_S, TRIES, Answered, HostLink, Unanswered
from drivers.printers.isl.models import MODELS
from drivers.printers.isl.pos_script import SOLD, PosScript, sale_commands
from drivers.vocabulary.receipt import TenderKind
from tests.drivers.printers.isl.inside_shop import CLOSE, PAY, SALE, STATUS, SUBTOTAL, TEXT, Shop, instead

every_model = pytest.mark.parametrize("model", MODELS)
WIRES = ("to_device", "from_device", "to_till", "from_till")


# ── Time ────────────────────────────────────────────────────────────────────────────────────────


@every_model
def test_the_till_hears_syn_while_the_agent_thinks(model):
    """For a second: the till's 500 ms are kept, and the payment is sent once."""
    shop = Shop(model=model, thinks_s=1.0)
    shop.sell("100.00")
    shop.silences.clear()
    began_s = shop.now_s
    outcome = shop.ask(PAY, shop.payment("100.00"))

    assert isinstance(outcome, Answered)
    assert outcome.tries == 1
    assert shop.now_s - began_s >= 1.0
    assert max(shop.silences) <= 0.06 < ANSWER_S
    shop.close()
    assert shop.closed.draft.total_minor == 9_000


def test_a_printer_that_takes_its_time():
    """200 ms for each line: the till hears SYN all the while."""
    shop = Shop(busy_s=0.2)
    shop.sell("100.00")
    shop.silences.clear()
    shop.pay("100.00")
    assert max(shop.silences) <= 0.1
    shop.close()

    assert shop.closed.draft.total_minor == 9_000
    assert "Код 7K4M22" in shop.paper
    assert shop.documents[0].receipt.total.amount == "90.00"


def test_an_agent_that_says_nothing_costs_no_receipt():
    shop = Shop(thinks_s=99)
    shop.sell("100.00")
    began_s = shop.now_s
    assert shop.pay("100.00").data == b"R0"
    assert shop.now_s - began_s < FLOOR_S_MAX
    shop.close()

    assert shop.closed.draft.total_minor == 10_000
    assert len(shop.documents) == 1
    assert shop.guard.problem == ""


def test_a_word_that_comes_too_late_is_for_nobody():
    """The offer for one sale arrives while the next one is paid."""
    shop = Shop(thinks_s=99)
    shop.sold("100.00", amount="100.00")
    late, _ = shop.waiting.pop()
    shop.sell("50.00")
    shop.till.ask(PAY, shop.payment("50.00"), shop.now_s)
    shop.carry(shop.guard.from_host(shop.till.outgoing(), shop.now_s))
    shop.carry(shop.guard.offered(late, shop.offer(late), shop.now_s))
    assert shop.outcome is None or shop.twin.executed[-1] == SALE
    while shop.fiscal.open.draft.due_minor:
        shop.pass_time(0.05)

    assert shop.fiscal.open.draft.total_minor == 5_000
    assert shop.guard.problem == ""


def test_a_word_on_a_payment_before_is_no_word_on_this_one():
    """The same receipt, paid again after the device refused: the answer to the first question knows another basket."""
    shop = Shop(thinks_s=99)
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    shop.pay("100.00")
    first, _ = shop.waiting.pop()
    shop.item("50.00")
    shop.till.ask(PAY, shop.payment("150.00"), shop.now_s)
    shop.carry(shop.guard.from_host(shop.till.outgoing(), shop.now_s))
    shop.carry(shop.guard.offered(first, shop.offer(first), shop.now_s))
    shop.carry(shop.guard.offered(first, None, shop.now_s))

    assert len(shop.asked) == 2
    assert shop.asked[1] is shop.waiting[0][0]
    assert shop.desk.offered.promised_minor == 0


def falls_silent(shop, *, at):
    """The device carries that 33h out and says nothing any more."""
    carry_out, count = shop.fiscal.carry_out, itertools.count(1)

    def carried(data):
        if next(count) == at:
            shop.twin.be_rude("silence")
        return carry_out(SUBTOTAL, data)

    instead(shop, SUBTOTAL, carried)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_device_that_falls_silent(at):
    """Under the first question, the discount, the second question: the payment goes as often as the till sends it."""
    shop = Shop()
    shop.sell("100.00")
    falls_silent(shop, at=at)
    shop.to_device.clear()
    assert isinstance(shop.ask(PAY, shop.payment("100.00")), Unanswered)
    assert 1 <= sum(one.command == PAY for one in sent(shop)) <= TRIES
    shop.twin.be_rude("silence", times=0)
    shop.answer(STATUS)
    assert len(shop.fiscal.open.draft.paid) == 1
    shop.close()

    assert shop.closed.draft.total_minor == (10_000 if at == 1 else 9_000)
    assert shop.paper.count("отстъпка") == (at > 1)
    assert shop.fiscal.fiscal_count == len(shop.documents) == 1


def test_a_discount_that_was_not_heard_of_is_asked_for():
    """Three answers are lost and the fourth is heard: the card's sum is what is left."""
    shop = Shop("always")
    shop.sell("100.00")
    carry_out, count = shop.fiscal.carry_out, itertools.count(1)

    def second_is_lost(data):
        if next(count) == 2:
            shop.twin.be_rude("silence", times=3)
        return carry_out(SUBTOTAL, data)

    instead(shop, SUBTOTAL, second_is_lost)
    shop.pay("100.00", TenderKind.CARD)
    shop.close()

    assert shop.closed.draft.paid == [("D", 9_000)]
    assert shop.paper.count("отстъпка") == 1
    assert shop.documents[0].believed.off_minor == 1_000


@pytest.mark.parametrize(("amount", "known"), [("100.00", True), (None, False)])
def test_the_answer_to_the_payment_tells_what_became_of_the_discount(amount, known):
    """Our answers are lost until time is up, and the payment's is heard; without a sum it tells nothing."""
    shop = Shop()
    shop.sell("100.00")
    falls_silent(shop, at=2)
    carry_out = shop.fiscal.carry_out
    instead(shop, PAY, lambda data: (shop.twin.be_rude("silence", times=0), carry_out(PAY, data))[1])
    shop.pay(amount)
    shop.close()
    (document,) = shop.documents

    assert shop.closed.draft.total_minor == 9_000
    if known:
        assert document.receipt.total.amount == "90.00"
        assert document.believed.off_minor == 1_000
    else:
        assert "whether the device took our discount is not known" in document.problems[0]


# ── Numbers, repeats, lines that break ──────────────────────────────────────────────────────────


def sent(shop):
    """What the device was sent since the payment."""
    return [
        one for one in FrameReader(shop.model.frame, is_host=True).feed(bytes(shop.to_device)) if type(one) is Frame
    ]


@pytest.mark.parametrize("start", [0x20, 0x21, 0x40, 0x6F, 0x7E, 0x7F])
@every_model
def test_no_number_of_ours_is_one_of_the_tills(model, start):
    """Wherever the till's numbers are: neither the one before, nor the payment's, nor any after it for a while."""
    shop = Shop(model=model)
    shop.till = HostLink(shop.model, sequence=start)
    shop.sell("100.00")
    shop.to_device.clear()
    shop.pay("100.00")
    shop.close()
    *ours, paid, _closed = sent(shop)
    till = {shop.model.frame.later_sequence(paid.sequence, step) for step in range(-15, 16)}

    assert len(ours) >= 5
    assert not till & {one.sequence for one in ours}
    assert all(one.sequence != two.sequence for one, two in itertools.pairwise(ours))
    assert shop.closed.draft.total_minor == 9_000


def test_the_longest_text_meets_no_number_of_the_till():
    shop = Shop()
    shop.offer = lambda document: type(Shop.offer(shop, document))(
        quoted=document.receipt.uid, off={1: 100}, lines=tuple(f"ред {n}" for n in range(99))
    )
    shop.sold("100.00", amount="100.00")
    frames = sent(shop)
    at = next(n for n, one in enumerate(frames) if one.command == PAY)

    assert shop.twin.executed.count(TEXT) == 40
    assert not {frames[at - 1].sequence, frames[at].sequence} & {one.sequence for one in frames[2 : at - 1]}
    assert shop.closed.draft.total_minor == 9_900


@every_model
def test_the_till_says_its_payment_again_before_during_and_after(model):
    """Each time under its number: one payment, one discount, and never the sum that the till believes."""
    shop = Shop(model=model, thinks_s=0.5)
    shop.sell("100.00")
    shop.till.ask(PAY, shop.payment("100.00"), shop.now_s)
    raw = shop.till.outgoing()

    def again(by=1):
        for at in range(0, len(raw), by):
            shop.carry(shop.guard.from_host(raw[at : at + by], shop.now_s))

    again(1)
    again(len(raw))  # the agent thinks
    again(3)
    shop.pass_time(0.2)
    again(5)
    shop.pass_time(0.4)
    assert shop.fiscal.open.draft.due_minor == 0
    assert [one.command for one in sent(shop)].count(PAY) == 1
    answer = shop.to_till[shop.to_till.rindex(0x01) :]
    for by in (1, 7, len(raw)):
        shop.to_till.clear()
        again(by)  # its answer was not heard
        assert shop.to_till == answer
    shop.till.line_lost()
    shop.till.is_unknown = False
    shop.close()

    assert len(shop.asked) == 1
    assert shop.closed.draft.paid == [(shop.letter(TenderKind.CASH), 9_000)]
    assert shop.documents[0].receipt.total.amount == "90.00"


def test_a_part_whose_answer_was_lost_is_paid_once():
    """The till says it again; that the agent would decide otherwise by now changes nothing."""
    probe = Shop()
    probe.sell("100.00")
    probe.pay("30.00")
    shop = Shop()
    shop.sell("100.00")
    shop.lost = {"from_device": probe.passed["from_device"] - 5}
    shop.offer = lambda document: (Shop.offer(shop, document), setattr(shop, "off", shop.off + 100))[0]
    assert shop.pay("30.00").data == b"D7000"
    shop.pay("70.00")
    shop.close()

    assert len(shop.asked) == 1
    assert shop.closed.draft.paid == [("P", 2_000), ("P", 7_000)]
    assert shop.documents[0].receipt.total.amount == "90.00"


def test_a_restarted_device_gets_the_rewritten_sum_again():
    """It forgot the number before it was paid; the till says its own sum, the device must see ours."""
    shop = Shop("always")
    shop.sell("100.00")
    instead(shop, PAY, lambda _: (shop.twin.be_rude("restart", times=1), Carried())[1], times=1)
    shop.pay("100.00", TenderKind.CARD)
    shop.close()

    assert shop.closed.draft.paid == [("D", 9_000)]


@every_model
def test_the_tills_line_breaks_while_we_have_its_payment(model):
    """What it sent is paid; it comes back, says the same number again, and closes."""
    shop = Shop(model=model, thinks_s=9)
    shop.sell("100.00")
    shop.till.ask(PAY, shop.payment("100.00"), shop.now_s)
    raw = shop.till.outgoing()
    shop.carry(shop.guard.from_host(raw, shop.now_s))
    shop.carry(shop.guard.host_gone(shop.now_s))
    assert shop.fiscal.open.draft.due_minor == 0
    shop.connect()
    shop.carry(shop.guard.from_host(raw, shop.now_s))
    shop.till.is_unknown = False
    shop.close()

    assert shop.closed.draft.paid == [(shop.letter(TenderKind.CASH), 10_000)]
    assert shop.documents[0].receipt.total.amount == "100.00"


def test_the_tills_line_breaks_after_the_discount():
    """Our answer is on its way when the till is cut off: what was taken off is known when it comes back."""
    for at in range(40):
        shop = Shop("always", busy_s=0.05)
        shop.sell("100.00")
        shop.till.ask(PAY, shop.payment("100.00", TenderKind.CARD), shop.now_s)
        shop.carry(shop.guard.from_host(shop.till.outgoing(), shop.now_s))
        for _ in range(at):
            shop.pass_time(0.01)
        shop.connect()  # both sides are gone: a visit ends for both
        shop.till.line_lost()
        shop.till.is_unknown = False
        shop.pass_time(0.2)
        if shop.fiscal.open.draft.due_minor:
            shop.pay("100.00", TenderKind.CARD)
        shop.close()
        shop.answer(STATUS)

        assert len(shop.documents) == 1, at
        assert shop.paper.count("отстъпка") == 1, at
        assert shop.closed.draft.paid == [("D", 9_000)], at


def test_a_till_that_gives_its_payment_up_is_not_held():
    """Another command comes: the payment goes at once, as it would have without us, and the command behind it."""
    shop = Shop(thinks_s=9)
    shop.sell("100.00")
    pos = shop.till
    pos.ask(PAY, shop.payment("100.00"), shop.now_s)
    shop.carry(shop.guard.from_host(pos.outgoing(), shop.now_s))
    pos.line_lost()
    shop.answer(STATUS)

    assert shop.twin.executed[-2:] == [PAY, STATUS]
    pos.is_unknown = False
    shop.close()
    assert shop.documents[0].receipt.total.amount == "100.00"


def test_all_that_a_till_says_meanwhile_is_kept():
    """Two commands behind its payment pass in order; a spoiled repeat of the payment does not pass at all."""
    shop = Shop(thinks_s=9)
    shop.sell("100.00")
    pos = PosScript(shop.model, sequence=0x50)
    payment = pos.command(PAY, shop.payment("100.00"))
    shop.to_device.clear()
    behind = pos.commands((STATUS, b""), (CLOSE, b""))
    shop.carry(shop.guard.from_host(payment, shop.now_s))
    shop.carry(shop.guard.from_host(payment[:5] + b"?" + payment[6:], shop.now_s))
    shop.carry(shop.guard.from_host(behind, shop.now_s))

    assert bytes(shop.to_device) == payment + behind
    assert shop.fiscal.fiscal_count == 1


def test_an_old_number_is_a_new_payment_after_another_command():
    """A device compares with the last number only, and so do we."""
    shop = Shop()
    shop.sell("100.00")
    instead(shop, PAY, NOT_NOW, times=1)
    pos = PosScript(shop.model, sequence=0x50)
    payment = pos.command(PAY, shop.payment("500.00"))
    tea = pos.command(SALE, write_sale(shop.model, Sale(name="Чай", price=Decimal(50))))
    for raw in (payment, tea, payment):
        shop.carry(shop.guard.from_host(raw, shop.now_s))
        shop.pass_time(0.1)

    assert [one.receipt.total.amount for one in shop.asked] == ["100.00", "150.00"]
    assert shop.fiscal.open.draft.change_minor == 50_000 - 14_000


def test_a_spoiled_repeat_is_not_handed_on():
    shop = Shop(thinks_s=9)
    shop.sell("100.00")
    payment = PosScript(shop.model, sequence=0x50).command(PAY, shop.payment("100.00"))
    shop.to_device.clear()
    shop.carry(shop.guard.from_host(payment, shop.now_s))
    shop.carry(shop.guard.from_host(payment[:5] + b"?" + payment[6:], shop.now_s))
    shop.pass_time(5)

    assert bytes(shop.to_device) == payment


def test_half_a_payment_is_handed_on():
    """Its rest does not come: after a moment the device has it, as it would have had without us."""
    shop = Shop()
    shop.sell("100.00")
    shop.to_device.clear()
    shop.till.ask(PAY, shop.payment("100.00"), shop.now_s)
    raw = shop.till.outgoing()
    shop.carry(shop.guard.from_host(raw[:-3], shop.now_s))
    assert shop.to_device == b""
    shop.pass_time(0.35)
    assert shop.to_device == raw[:-3]
    shop.carry(shop.guard.from_host(raw[-3:], shop.now_s))
    assert shop.to_device == raw

    assert shop.asked == []
    assert shop.guard.problem == ""


def test_what_is_no_payment_is_never_kept():
    """Byte by byte: only the head of a frame waits for the next byte, and noise for none."""
    shop = Shop()
    shop.sell("100.00")
    shop.to_device.clear()
    shop.till.ask(SALE, write_sale(shop.model, Sale(name="Чай", price=Decimal(5))), shop.now_s)
    raw = b"\x00\xff" + shop.till.outgoing()
    for at in range(len(raw)):
        shop.carry(shop.guard.from_host(raw[at : at + 1], shop.now_s))
        assert len(raw[: at + 1]) - len(shop.to_device) <= 3
    assert shop.to_device == raw


def test_the_answer_to_an_earlier_command_still_counts():
    """An item is answered while its payment is in our hands: the till is not told, the receipt has it."""
    shop = Shop("always", thinks_s=1)
    shop.sell("60.00")
    shop.till.ask(SALE, write_sale(shop.model, Sale(name="Чай", price=Decimal(40))), shop.now_s)
    steps = shop.guard.from_host(shop.till.outgoing(), shop.now_s)
    late = shop.twin.feed(steps[0].data, shop.now_s)
    shop.till.line_lost()
    shop.till.is_unknown = False
    shop.till.ask(PAY, shop.payment("100.00"), shop.now_s)
    shop.carry(shop.guard.from_host(shop.till.outgoing(), shop.now_s))
    shop.to_till.clear()
    shop.carry(shop.guard.from_device(late, shop.now_s))
    assert set(shop.to_till) <= {SYN}
    for _ in range(200):
        shop.pass_time(0.01)
    shop.till.line_lost()
    shop.till.is_unknown = False
    shop.close()

    assert [one.receipt.total.amount for one in shop.asked] == ["60.00", "100.00"]
    assert [one.receipt.total.amount for one in shop.documents] == ["90.00"]
    assert shop.documents[0].quoted == shop.asked[0].receipt.uid


def pay_as_a_till_does(shop):
    """Pay; when that was not heard, ask how the printer is and whether something is still due, and pay what is."""
    for _ in range(5):
        outcome = shop.ask(PAY, shop.payment("100.00"))
        if isinstance(outcome, Answered):
            return
        if not isinstance(shop.ask(STATUS), Answered):
            continue
        if not shop.fiscal.open.draft.due_minor:
            return
    raise AssertionError("the till gave up")


def sizes(model, **twin):
    shop = Shop(model=model, lines=(), **twin)
    shop.sell("100.00")
    before = dict(shop.passed)
    shop.pay("100.00")
    return {wire: range(before[wire], shop.passed[wire]) for wire in before}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("model", ["datecs-p", "datecs-x", "daisy"])
def test_any_byte_of_the_payment_may_be_lost(wire, model):
    """One fiscal document, at most one discount, and what we make of it is what the device has."""
    places = sizes(model)[wire]
    assert places
    for place in places:
        shop = Shop(model=model, lines=())
        shop.sell("100.00")
        shop.lost = {wire: place}
        pay_as_a_till_does(shop)
        shop.close()
        shop.answer(STATUS)

        assert shop.fiscal.fiscal_count == 1, place
        assert len(shop.asked) <= 1, place
        assert shop.paper.count("отстъпка") <= 1, place
        assert shop.closed.draft.total_minor in {9_000, 10_000}, place
        known = [one.receipt for one in shop.documents if one.receipt is not None]
        assert [one.total.minor for one in known] == [shop.closed.draft.total_minor], place
        assert [[tender.amount.minor for tender in one.tenders] for one in known] == [
            [minor for _, minor in shop.closed.draft.paid]
        ], place
        assert (shop.documents[0].believed is not None) == (shop.closed.draft.total_minor == 9_000), place
        assert shop.guard.problem == "", place


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("model", ["datecs-p", "datecs-x"])
def test_any_byte_of_the_close_may_be_lost(wire, model):
    """We say it no second time: it goes to the device as often as the till says it, and the sale counts once."""
    probe = Shop(model=model)
    probe.sell("100.00")
    probe.pay("100.00")
    before = dict(probe.passed)
    probe.close()
    for place in range(before[wire], probe.passed[wire]):
        shop = Shop(model=model)
        shop.sell("100.00")
        shop.pay("100.00")
        shop.lost = {wire: place}
        shop.to_device.clear()
        outcome = shop.ask(CLOSE)
        assert isinstance(outcome, Answered), place
        assert sum(one.command == CLOSE for one in sent(shop)) <= outcome.tries, place
        shop.answer(STATUS)

        assert shop.fiscal.fiscal_count == 1, place
        assert [one.receipt.total.amount for one in shop.documents] == ["90.00"], place
        assert shop.guard.problem == "", place


# ── Whatever a till does ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slice_size", [1, 7, 10_000])
@every_model
def test_a_till_that_waits_for_no_answer(model, slice_size):
    """The whole sale in one breath, and another while we have the payment of the first: nothing waits, nothing is lost."""
    shop = Shop("always", model, thinks_s=9)
    pos = PosScript(shop.model)
    for _ in range(2):
        data = pos.sale(SOLD)
        for at in range(0, len(data), slice_size):
            shop.carry(shop.guard.from_host(data[at : at + slice_size], shop.now_s))
    shop.pass_time(5)

    assert shop.fiscal.fiscal_count == 2
    assert len([one.receipt for one in shop.documents if one.receipt is not None]) == 2
    assert shop.guard.problem == ""


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize("model", ["datecs-p", "datecs-x"])
def test_with_nobody_at_the_till_every_byte_passes(model, data):
    """Spoiled commands, noise, any slicing, answers cut short: what reaches the device is what the till sent."""
    shop = Shop("always", model, off=None)
    pos = PosScript(shop.model)
    rows = sale_commands(shop.model, SOLD[:2], None)
    sent_bytes = pos.commands(*rows[:2])
    shop.carry(shop.guard.from_host(sent_bytes, shop.now_s))
    for _ in range(data.draw(st.integers(1, 10))):
        code, body = data.draw(st.sampled_from(rows))
        raw = bytearray(pos.command(code, body))
        for at in data.draw(st.lists(st.integers(0, 60), max_size=2)):
            if at < len(raw):
                raw[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(raw)))
        shop.lost = {"from_device": shop.passed["from_device"] + data.draw(st.integers(0, 80))}
        for piece in (bytes(raw[:cut]), bytes(raw[cut:])):
            sent_bytes += piece
            shop.carry(shop.guard.from_host(piece, shop.now_s))
        shop.pass_time(data.draw(st.sampled_from([0.02, 0.4])))
    shop.pass_time(5)

    assert bytes(shop.to_device) == sent_bytes
    assert shop.guard.problem == ""
