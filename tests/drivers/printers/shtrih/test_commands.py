"""The command table, its layouts, error codes and TLV."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ffd import tlv
from drivers.printers.shtrih.commands import BY_CODE, BY_NAME, TABLE, code_of, decode_answer, named
from drivers.printers.shtrih.documents import read_summary
from drivers.printers.shtrih.frames import Decoder, Decoder2
from drivers.printers.shtrih.layout import parse_layout
from drivers.printers.shtrih.models import MODELS, model_named
from drivers.printers.shtrih.status import ERRORS, SENTENCES, error_condition, refusal, status_condition
from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError, SettingsError
from drivers.vocabulary.money import Quantity


def _h(text):
    return bytes.fromhex(text)


def test_every_command_has_its_own_code_and_name():
    assert len(TABLE) == len(BY_CODE) == len(BY_NAME)
    for command in TABLE:
        assert code_of(command.opcode) == command.code
        assert 0 < command.timeout_s <= 120


LENGTHS = {
    "short_status": 5, "print_line": 46, "print_line_font": 47, "print_bold": 26, "cut": 6, "sale": 60,
    "discount": 54, "close_receipt": 71, "close_receipt_16": 131, "open_receipt": 6, "receipt_discount": 145,
    "memory_status": 6, "request_document": 10, "read_document": 6,
}  # fmt: skip


@pytest.mark.parametrize("name", LENGTHS)
def test_a_request_has_the_length_of_the_protocol_document(name):
    command = named(name)
    zeros = {
        field.name: 0 if field.kind in "us" else b"" if field.kind == "t" else bytes(field.size)
        for field in command.request.fields
    }

    assert LENGTHS[name] == len(command.encode(**zeros))


def test_the_positions_of_a_modern_receipt_have_the_usual_lengths():
    item = named("item_v2").encode(
        password=30, type=1, quantity=1, price=1, sum=1, tax_sum=0, tax=0, department=0, method=4, subject=1,
        name=bytes(40),
    )  # fmt: skip
    close = named("close_receipt_v2").encode(
        password=30, rounding=0, taxes=bytes(30), tax_system=1, text=b"", **{f"payment{n}": 0 for n in range(1, 17)}
    )

    assert len(item) == 72
    assert len(close) == 118


def test_a_known_request_and_answer_are_read():
    request = _h("8d 01 00 00 00 00")
    answer = decode_answer(named("memory_status"), _h(
        "ff 01 00 03 00 00 01 00 14 02 12 10 2c 39 39 39 39 30 37 38 39 30 30 30 30 37 38 37 37 87 01 00 00"
    ))  # fmt: skip

    assert named("open_receipt").decode(request) == {"password": 1, "type": 0}
    assert answer.number("last_document") == 391
    assert answer.values["memory"] == "9999078900007877"


def test_every_real_frame_of_a_known_command_is_read_and_written_back(samples):
    """The parameters of every real request and answer come back as the same bytes."""
    rows = json.loads((samples / "shtrih-frames.json").read_text(encoding="utf-8"))["frames"]
    known = 0
    for row in rows:
        (frame,) = (Decoder() if row["proto"] == "v1" else Decoder2()).feed(_h(row["hex"]))
        command = BY_CODE[code_of(frame.body)]
        known += 1
        if row["dir"] == "req":
            assert frame.body == command.encode(**command.decode(frame.body)), row
        else:
            answer = decode_answer(command, frame.body)
            assert frame.body == command.encode_answer(answer.error, **answer.values), row

    assert known == len(rows)


@pytest.mark.parametrize(
    "body", ["10", "10 00 01", "11 00 01 90", "10 00 1e 90 00 02 00 00 33 25 00 00 00 ff ff ff 00 00"]
)
def test_a_wrong_answer_is_refused(body):
    with pytest.raises(RemoteProtocolError):
        decode_answer(named("short_status"), _h(body))


def test_a_register_without_fiscal_commands_says_so_in_two_bytes():
    answer = decode_answer(named("memory_status"), _h("ff 37"))

    assert answer.error == 0x37
    assert refusal(answer).code == "E319"


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(LocalProtocolError, match="does not fit"):
        named("cut").encode(password=30, type=256)
    with pytest.raises(LocalProtocolError, match="missing"):
        named("cut").encode(password=30)
    with pytest.raises(LocalProtocolError, match="no such field"):
        named("cut").encode(password=30, type=1, colour=3)
    with pytest.raises(LocalProtocolError):
        named("print_line").encode(password=30, flags=2, text="x" * 41)
    with pytest.raises(LocalProtocolError):
        named("no such thing")
    with pytest.raises(ValueError, match="not a field"):
        parse_layout("password:x4")


def test_every_error_has_a_sentence():
    for error, (meaning, trouble) in ERRORS.items():
        assert meaning
        assert error_condition(error).sentence == SENTENCES[trouble]
    assert error_condition(0xEE).code == "E306"
    assert error_condition(0).code == ""


CONDITIONS = {
    "10 00 1e 90 02 02 00 00 33 25 00 00 00 ff ff ff 00": "",
    "10 00 1e 90 06 02 00 00 33 25 00 00 00 ff ff ff 00": "E302",
    "10 00 1e 10 02 02 00 00 33 25 00 00 00 ff ff ff": "E301",
    "10 00 1e 90 02 02 02 00 33 25 00 00 00 ff ff ff 00": "E301",
    "10 00 1e 90 02 02 03 00 33 25 00 00 00 ff ff ff 00": "E315",
    "10 00 1e 90 02 03 00 00 33 25 00 00 00 ff ff ff 00": "E310",
    "10 4f": "E318",
}


@pytest.mark.parametrize("body", CONDITIONS)
def test_a_status_becomes_a_sentence_for_the_cashier(body):
    condition = status_condition(decode_answer(named("short_status"), _h(body)))

    assert CONDITIONS[body] == condition.code
    assert bool(condition.code) == bool(condition.sentence)


def test_models_are_found_by_name():
    assert {model.name for model in MODELS} == {model_named(model.name).name for model in MODELS}
    with pytest.raises(SettingsError, match="cashcore"):
        model_named("samsung")


# ── TLV ─────────────────────────────────────────────────────────────────────────────────────────


def test_values_of_tags_are_read():
    """Real values: 21.00, 2.000000, 123.456789, 2018-04-02 18:16, bread, the sign 418789970."""
    assert tlv.number_of(_h("34 08")) == 2100
    assert tlv.number_of(b"") == 0
    assert tlv.quantity_of(_h("06 80 84 1e")) == Quantity.parse("2")
    assert tlv.quantity_of(_h("06 15 cd 5b 07")) == Quantity.parse("123.456789")
    assert f"{tlv.moment_of(_h('60 73 c2 5a')):%Y-%m-%d %H:%M}" == "2018-04-02 18:16"
    assert tlv.text_of(_h("95 ab a5 a1")) == "Хлеб"
    assert tlv.sign_of(_h("31 04 18 f6 3a 52")) == 418_789_970


def test_a_summary_is_read():
    """A real answer to FF0A: document 163 of 2017-03-24 20:53, 200.00."""
    summary = read_summary(_h("11 03 18 14 35 a3 00 00 00 eb ea 4b 2e 01 20 4e 00 00 00"))

    assert (summary.document, summary.sign, summary.operation, summary.total) == (163, 0x2E4BEAEB, 1, 20_000)
    assert f"{summary.moment:%Y-%m-%d %H:%M}" == "2017-03-24 20:53"
    with pytest.raises(RemoteProtocolError):
        read_summary(b"\x11\x03")


@pytest.mark.parametrize("data", ["35 04 06 00 31", "35 04 06", "23 04 04 00 06 04 09 00"])
def test_truncated_tags_are_refused(data):
    with pytest.raises(RemoteProtocolError):
        tlv.decode(_h(data))


plain = st.builds(tlv.Item, st.sampled_from([1030, 1079, 1023, 9999]), st.binary(max_size=40))


trees = plain
for _ in range(tlv.DEPTH_MAX):
    inner = st.lists(trees, max_size=3).map(lambda items: tlv.Item(1059, inner=tuple(items)))
    trees = st.one_of(plain, inner)


def test_tags_nested_without_end_are_refused():
    data = b""
    for _ in range(tlv.DEPTH_MAX + 2):
        data = tlv.Item(1059).tag.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data
    with pytest.raises(RemoteProtocolError, match="deep"):
        tlv.decode(data)


@given(st.lists(trees, max_size=5))
def test_tags_come_back_as_they_were(items):
    assert tuple(items) == tlv.decode(tlv.encode(items))


@given(st.binary(max_size=300))
def test_rubbish_is_refused_and_never_hangs(data):
    with contextlib.suppress(RemoteProtocolError):
        assert tlv.encode(tlv.decode(data)) == data


@given(st.integers(0, 10**12))
def test_numbers_of_any_length_come_back(number):
    assert number == tlv.number_of(tlv.vln(number))
    assert Quantity(number) == tlv.quantity_of(tlv.fvln(Quantity(number)))
