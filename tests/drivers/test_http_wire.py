"""HTTP as it passes: any slicing, bounded memory, and a reader that is lost says so."""

import gzip

import pytest
from hypothesis import strategies as st

from drivers.http_wire import EXPECTED_MAX, HEAD_SIZE_MAX, Reader
from drivers.http_writing import encode_request, encode_response, with_body
from drivers.json_amounts import BODY_SIZE_MAX
from tests.agent.loyalty.soaking import prove

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6;x=1\r\npedia!\r\n0\r\nTrailer: x\r\n\r\n"
)


def answers(wire, *methods, step=7):
    reader = Reader(reads_answers=True)
    for method in methods:
        reader.expect(method)
    found = [one for at in range(0, len(wire), step) for one in reader.feed(wire[at : at + step])]
    return found, reader


@prove(
    st.lists(st.tuples(st.sampled_from(["GET", "POST", "DELETE"]), st.binary(max_size=300)), max_size=5),
    st.integers(1, 40),
)
def test_any_slicing_gives_the_same_requests(parts, step):
    parts = [(method, body if method == "POST" else b"") for method, body in parts]
    wire = b"".join(encode_request(method, "/a/b?c=1", [("Host", "h")], body) for method, body in parts)
    reader = Reader(reads_answers=False)
    found = [one for at in range(0, len(wire), step) for one in reader.feed(wire[at : at + step])]

    assert parts == [(one.method, one.body) for one in found]
    assert reader.is_between


@prove(st.lists(st.tuples(st.sampled_from([200, 201, 204, 404, 409]), st.binary(max_size=300)), max_size=5))
def test_answers_are_matched_with_their_requests(parts):
    parts = [(status, b"" if status == 204 else body) for status, body in parts]
    wire = b"".join(encode_response(status, [], body) for status, body in parts)
    found, reader = answers(wire, *["GET"] * len(parts))

    assert parts == [(one.status, one.body) for one in found]
    assert not reader.is_lost


def test_a_body_in_chunks():
    found, _ = answers(CHUNKED * 2, "GET", "POST", step=1)

    assert [("GET", b"Wikipedia!"), ("POST", b"Wikipedia!")] == [(one.method, one.body) for one in found]


def test_a_head_has_no_body_and_100_is_no_answer():
    wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + encode_response(201, [], b"x")
    found, _ = answers(wire, "HEAD", "POST")

    assert [(200, b""), (201, b"x")] == [(one.status, one.body) for one in found]


def test_a_packed_body_is_unpacked():
    wire = encode_response(200, [("Content-Encoding", "gzip")], gzip.compress(b'{"results": []}'))
    found, _ = answers(wire, "GET")
    broken, _ = answers(encode_response(200, [("Content-Encoding", "gzip")], b"no"), "GET")
    strange, _ = answers(encode_response(200, [("Content-Encoding", "br")], b"no"), "GET")

    assert found[0].content == b'{"results": []}'
    assert broken[0].content == strange[0].content == b""


def test_an_answer_without_a_length_is_read_so_far():
    reader = Reader(reads_answers=True)
    reader.expect("GET")
    assert reader.so_far() is None
    assert reader.feed(b"HTTP/1.0 200 OK\r\n\r\n{") == []
    reader.feed(b"}")

    assert reader.so_far().body == b"{}"


LOST = {
    "no HTTP": b"\x02\x05\x10\x00\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length of letters": b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "unknown coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "chunk of letters": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "endless chunk line": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2_000,
    "endless head": b"GET / HTTP/1.1\r\n" + b"a" * (HEAD_SIZE_MAX + 1),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\n",
}


@pytest.mark.parametrize("wire", LOST.values(), ids=LOST)
def test_what_is_not_understood_is_said(wire):
    reader = Reader(reads_answers=False)

    assert reader.feed(wire) == []
    assert reader.is_lost
    assert reader.kept_size == 0
    assert reader.feed(encode_request("GET", "/", [])) == []


def test_a_protocol_that_is_switched_is_lost():
    _, reader = answers(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "GET")

    assert reader.is_lost


def test_too_many_requests_without_an_answer():
    reader = Reader(reads_answers=True)
    for _ in range(EXPECTED_MAX + 5):
        reader.expect("GET")

    assert reader.is_lost
    assert not reader._expected


def test_a_body_that_is_too_long_passes_and_is_not_kept():
    size = BODY_SIZE_MAX + 10_000
    reader = Reader(reads_answers=False)
    reader.feed(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // 1_000):
        assert reader.feed(bytes(1_000)) == []
        assert reader.kept_size <= BODY_SIZE_MAX + HEAD_SIZE_MAX
    message, following = reader.feed(bytes(size % 1_000) + encode_request("GET", "/next", []))

    assert not message.is_whole
    assert message.content == b""
    assert following.target == "/next"


@prove(st.lists(st.binary(max_size=200), max_size=10), st.booleans())
def test_rubbish_never_raises(parts, reads_answers):
    reader = Reader(reads_answers=reads_answers)
    reader.expect("GET")
    for part in parts:
        for _ in reader.feed(part):
            assert not reader.is_lost


def test_another_body_keeps_every_other_header():
    wire = encode_request("POST", "/x", [("X-Own", "kept"), ("Content-Encoding", "gzip")], b"old")
    changed = with_body(b"\r\n" + wire, b"newer")
    (message,) = Reader(reads_answers=False).feed(changed)

    assert message.body == b"newer"
    assert message.header("x-own") == "kept"
    assert message.header("content-encoding") == ""
    with pytest.raises(ValueError, match="empty line"):
        with_body(b"POST", b"")
