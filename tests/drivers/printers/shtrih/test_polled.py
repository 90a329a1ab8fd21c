"""The register as one that the agent asks: what it says of itself, documents by number, slips, never in a till's way."""

import pytest

from drivers.printers.shtrih.driver import driver
from drivers.printers.shtrih.polled import LEFT_READING_S, PolledRegister
from drivers.printers.shtrih.pos_script import classic_receipt, request
from drivers.printers.shtrih.settings import ShtrihSettings
from drivers.vocabulary.receipt import DocumentKind


@pytest.fixture
def polled(shop):
    """Makes (polled register, its pipe, its twin)."""

    def make(**settings):
        chosen = ShtrihSettings(**settings)
        _, pipe, twin = shop(model=chosen.model)
        device = PolledRegister(chosen, device="register", connect=lambda: pipe, wait=lambda _: None, clock=pipe.clock)
        return device, pipe, twin

    return make


@pytest.mark.parametrize("protocol", ["auto", "1", "2"])
@pytest.mark.parametrize("model", ["shtrih-m", "cashcore", "rndis"])
def test_documents_are_read_by_number(polled, model, protocol):
    device, _, twin = polled(model=model, protocol=protocol)
    twin.sell(3)
    memory = device.memory()
    documents = [device.document(number) for number in range(1, memory.last + 1)]

    assert (1, 4) == (memory.first, memory.last)
    assert "9999078900005555" == memory.name
    assert [DocumentKind.REPORT, DocumentKind.SALE, DocumentKind.SALE, DocumentKind.RETURN] == [
        one.kind for one in documents
    ]
    assert {32 if model == "cashcore" else 40} == {one.columns for one in documents}
    assert documents[1].receipt.uid == device.document(2).receipt.uid
    assert not device.condition().is_busy


@pytest.mark.parametrize(
    ("rude", "code"),
    [("paper_out", "E301"), ("cover_open", "E302"), ("shift_over_24h", "E310"), ("printing_interrupted", "E315")],
)
def test_what_is_wrong_is_said(polled, rude, code):
    device, _, twin = polled()
    twin.sell(1)
    assert "" == device.condition().code
    twin.be_rude(rude)

    assert code == device.condition().code
    assert device.condition().sentence


@pytest.mark.parametrize(("bits", "code"), [(0x80, "E320"), (0x01, "W203"), (0x06, "W201"), (0x08, "W204"), (0, "")])
def test_what_the_fiscal_memory_warns_of_is_said(polled, bits, code):
    device, _, twin = polled()
    twin.register.warnings = bits

    assert code == device.condition().code
    twin.be_rude("paper_out")
    assert "E301" == device.condition().code  # what stops the till now comes first


def test_a_register_with_an_open_receipt_is_busy(polled):
    device, _, twin = polled()
    twin.register.execute(classic_receipt()[0])
    assert device.condition().is_busy
    twin.register.execute(request("cancel_receipt"))

    assert not device.condition().is_busy


def test_somebody_elses_reading_is_left_alone_until_it_was_left(polled):
    """A till's own export reads document after document; one that stopped in the middle sells nothing any more."""
    device, pipe, twin = polled()
    twin.sell(2)
    twin.register.execute(request("request_document", document=2))
    assert device.condition().is_busy
    assert twin.register.memory.is_reading
    pipe.now_s += LEFT_READING_S / 2
    assert device.condition().is_busy
    pipe.now_s += LEFT_READING_S

    assert not device.condition().is_busy
    assert not twin.register.memory.is_reading


def test_reading_a_document_leaves_the_register_selling(polled):
    device, _, twin = polled()
    twin.sell(1)
    device.document(2)

    assert twin.register.execute(classic_receipt()[0])[1] == 0


def test_a_slip_is_printed_and_cut(polled):
    device, _, twin = polled()
    before = twin.roll.count
    device.print_slip(["+ 5 баллов", "всего 42"])
    lines = twin.roll.since(before)

    assert ("+ 5 баллов", "всего 42") == lines[:2]
    assert lines[2].startswith("✂")


def test_a_register_without_a_fiscal_memory_cannot_be_pulled():
    assert "classic has no fiscal memory" in driver.polling.refusal(ShtrihSettings(model="classic"))
    assert "" == driver.polling.refusal(ShtrihSettings())
