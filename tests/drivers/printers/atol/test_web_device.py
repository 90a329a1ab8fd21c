"""The register behind the web server, asked by the agent: state, closed documents, slips."""

import pytest

from drivers.printers.atol.pos_script import card_sale, sale
from drivers.printers.atol.status import DRIVER_ERRORS, SENTENCES, driver_trouble
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError
from drivers.vocabulary.receipt import DocumentKind, TenderKind

TROUBLES = {"paper_out": "E301", "cover_open": "E302", "shift_over_24h": "E310", "queue_blocked": "E301"}


def _sell(twin, *tasks):
    for task in tasks or (sale(),):
        twin.register.execute(task)


@pytest.mark.parametrize("has_operations", [True, False])
def test_all_is_well(device, has_operations):
    """By operations where the server has them, by tasks where not."""
    asked, _, twin = device()
    twin.web.manners.has_operations = has_operations
    condition = asked.condition()

    assert (condition.code, condition.is_busy) == ("", False)
    assert (twin.web.posted == 0) is has_operations
    assert asked.shift_state() == "closed"


@pytest.mark.parametrize("rude", TROUBLES)
def test_trouble_is_told_in_our_words(device, rude):
    asked, _, twin = device()
    _sell(twin)
    twin.be_rude(rude)
    condition = asked.condition()

    assert TROUBLES[rude] == condition.code
    assert condition.sentence
    assert condition.maker_code


def test_while_the_queue_has_work_it_is_busy(device, web):
    asked, _, twin = device()
    twin.web.manners.looks_max = 1_000
    with pytest.raises(Exception, match="goes on"):
        web(twin=twin)[0].run(sale(), timeout_s=1)

    assert asked.condition().is_busy


def test_documents_are_pulled_in_order(device):
    asked, _, twin = device()
    _sell(twin, sale(), card_sale(), sale(kind="sellReturn"), sale(kind="buy"))
    twin.register.execute({"type": "closeShift"})
    memory = asked.memory()
    documents = [asked.document(number) for number in range(memory.first, memory.last + 1)]

    assert memory.name == "9999078900007777"
    assert [document.kind for document in documents] == [
        DocumentKind.REPORT, DocumentKind.SALE, DocumentKind.SALE, DocumentKind.RETURN, DocumentKind.OTHER,
        DocumentKind.REPORT,
    ]  # fmt: skip
    first = documents[1].receipt
    assert [line.name for line in first.lines] == ["Хлеб", "Яблоки"]
    assert first.total.minor == 12_159
    assert [(one.kind, one.amount.minor) for one in first.tenders] == [(TenderKind.CASH, 12_159)]
    assert documents[2].receipt.adjustment.minor == -98
    assert first.cashier == "Кассир Первый"


def test_the_json_says_the_same_as_the_raw_tags(device):
    """A server that gives no raw data gives the same receipts."""
    asked, _, twin = device()
    _sell(twin, sale(), card_sale())
    raw = [asked.document(number).receipt for number in (2, 3)]
    original = twin.register.memory.as_json
    twin.register.memory.as_json = lambda stored, with_raw: original(stored, with_raw=False)

    assert raw == [asked.document(number).receipt for number in (2, 3)]


def test_a_document_is_the_receipt_that_was_seen_in_line(device, web):
    from drivers.printers.atol.driver import zone_of
    from drivers.printers.atol.receipts import read_receipt
    from drivers.printers.atol.settings import AtolSettings

    asked, _, twin = device()
    task = sale()
    (result,) = web(twin=twin)[0].run(task)
    seen = read_receipt(task, result, currency="RUB", zone=zone_of(AtolSettings()), columns=48).receipt
    pulled = asked.document(2).receipt

    assert seen.uid == pulled.uid
    assert (seen.total, seen.shift, seen.number, seen.closed_at) == (
        pulled.total, pulled.shift, pulled.number, pulled.closed_at,
    )  # fmt: skip


def test_after_30_days_only_the_summary_is_there(device):
    asked, _, twin = device()
    _sell(twin)
    twin.register.memory.short.add(2)
    document = asked.document(2)

    assert document.receipt is None
    assert "30 days" in document.problems[0]


def test_a_document_that_is_not_there(device):
    asked, _, _ = device()

    assert asked.document(99) is None


def test_a_slip_is_printed(device):
    asked, _, twin = device()
    asked.print_slip(["Начислено 15 баллов", "", "x" * 50])

    assert twin.paper[:4] == ("Начислено 15 баллов", "", "x" * 48, "x" * 2)
    assert twin.paper[4].startswith("✂")


def test_a_slip_without_paper_is_refused(device):
    asked, _, _ = device(rude=["paper_out"])
    with pytest.raises(DeviceRefused, match="out of paper") as refused:
        asked.print_slip(["x"])

    assert refused.value.code == "E301"


def test_printing_goes_on_after_an_interruption(device):
    asked, _, twin = device()
    twin.register.open_shift()
    before = len(twin.paper)
    twin.be_rude("printing_interrupted")
    result = twin.register.execute(sale())
    assert result["warnings"] == {"notPrinted": True}
    assert len(twin.paper) == before
    asked.continue_printing()

    assert any(line.startswith("ИТОГ") for line in twin.paper)


def test_a_register_without_a_memory_number_makes_no_sense(device):
    asked, _, twin = device()
    twin.register._do_getFnInfo = lambda task: {"fnInfo": {}}
    with pytest.raises(RemoteProtocolError, match="number of its fiscal memory"):
        asked.memory()


def test_every_driver_error_has_a_sentence():
    assert {trouble for _, trouble in DRIVER_ERRORS.values()} <= set(SENTENCES)
    assert driver_trouble(119)[1].value == "E320"
    assert driver_trouble(405)[1].value == "E323"
    assert driver_trouble(9_999)[1].value == "E306"
