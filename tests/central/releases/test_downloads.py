"""Archives over HTTP: whole and in parts, cached, gone on with after a cut, a few at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.releases.ranges import Unsatisfiable, wanted_part
from drivers.vocabulary.updates import UpdateOffer
from tests.central.releases.desk import CheckingTill, Publisher

DATABASES = ("sqlite",)


@pytest.fixture
def offer(
    request: pytest.FixtureRequest, publisher: Publisher, till: Callable[[str], CheckingTill]
) -> tuple[CheckingTill, UpdateOffer, bytes]:
    """A till, what it is offered, and the archive's bytes."""
    one = till("t1")
    publisher.ring("all")
    publisher.add("1.1.0", filling=request.param if hasattr(request, "param") else 300_000)
    publisher.start("1.1.0")
    found = one.check()
    assert found is not None
    path = publisher.folder.find(found.archive.rpartition("/")[2])
    assert path is not None
    return one, found, path.read_bytes()


Offered = tuple[CheckingTill, UpdateOffer, bytes]


@pytest.mark.net
def test_the_whole_and_its_parts(offer: Offered) -> None:
    """Never squeezed again, named by its contents, and for the asking till alone."""
    till, given, data = offer
    whole = till.fetch(given.archive, **{"accept-encoding": "gzip"})
    rest = till.fetch(given.archive, range="bytes=1000-")
    middle = till.fetch(given.archive, range="bytes=5-9")

    assert (200, data, "application/zip") == (whole.status_code, whole.content, whole.headers["content-type"])
    assert "content-encoding" not in whole.headers
    assert whole.headers["cache-control"].startswith("private")
    assert (206, data[1000:]) == (rest.status_code, rest.content)
    assert f"bytes 1000-{len(data) - 1}/{len(data)}" == rest.headers["content-range"]
    assert (206, data[5:10]) == (middle.status_code, middle.content)


@pytest.mark.net
def test_a_part_of_another_file_is_not_taken_for_a_part_of_this(offer: Offered) -> None:
    """If-Range names what the first part was of."""
    till, given, data = offer
    tag = till.fetch(given.archive, range="bytes=0-0").headers["etag"]

    assert 206 == till.fetch(given.archive, **{"range": "bytes=9-", "if-range": tag}).status_code
    other = till.fetch(given.archive, **{"range": "bytes=9-", "if-range": '"another"'})
    assert (200, len(data)) == (other.status_code, len(other.content))
    assert 304 == till.fetch(given.archive, **{"if-none-match": tag}).status_code
    behind = till.fetch(given.archive, range=f"bytes={len(data)}-")
    assert (416, f"bytes */{len(data)}") == (behind.status_code, behind.headers["content-range"])


@pytest.mark.net
def test_nobody_downloads_without_a_token_or_what_there_is_not(offer: Offered) -> None:
    """Nor anything by a name that leads out of the folder."""
    till, given, _ = offer
    here = given.archive.rpartition("/")[0]

    assert 401 == till.client.get(given.archive).status_code
    for name in ("0" * 64, "..%2f..%2fcentral.db", "A" * 64):
        assert 404 == till.fetch(f"{here}/{name}").status_code


@pytest.mark.net
@pytest.mark.parametrize("offer", [24_000_000], indirect=True)
def test_so_many_at_once_and_no_more(offer: Offered, release_server: Any) -> None:
    """The third is told when to come back; a line that breaks gives its place back."""
    till, given, _ = offer
    address = ("127.0.0.1", int(release_server.url.rpartition(":")[2]))
    request = f"GET {given.archive} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {till.token}\r\n\r\n".encode()
    lines = []
    for _ in range(2):
        line = socket.socket()
        # So little that the server cannot be rid of the archive while nobody reads.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.connect(address)
        line.sendall(request)
        assert line.recv(12).startswith(b"HTTP/1.1 200")
        lines.append(line)

    told = till.fetch(given.archive)
    for line in lines:
        line.close()

    assert (503, "busy_downloads") == (told.status_code, told.json()["code"])
    assert 60 <= int(told.headers["retry-after"]) <= 120
    # The server notices in its own time that they went.
    assert any(206 == till.fetch(given.archive, range="bytes=0-0").status_code for _ in range(1_000))


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,5}-\d{0,5}", fullmatch=True), st.integers(1, 2_000))
def test_any_range_is_inside_the_file_or_none(header: str, size: int) -> None:
    """Whatever a stranger writes there."""
    try:
        part = wanted_part(header, size=size, if_range="", tag='"x"')
    except Unsatisfiable:
        return
    if part is not None:
        begin, end = part
        assert 0 <= begin < end <= size


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=10-5000", (10, 100)),
        ("bytes=5-3", None),
        ("bytes=0-1,4-5", None),
        ("lines=0-1", None),
        ("", None),
    ],
)
def test_ranges_as_the_standard_reads_them(header: str, part: tuple[int, int] | None) -> None:
    """RFC 9110, 14.1.2."""
    assert part == wanted_part(header, size=100, if_range="", tag='"x"')
