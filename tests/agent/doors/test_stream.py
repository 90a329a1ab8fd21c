"""The live stream over a real socket: newest snapshot only, heartbeat, end at stop."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

pytestmark = pytest.mark.net


class Reader:
    """One open stream."""

    def __init__(self, server, doors):
        self._client = httpx.Client(timeout=30)
        cookie = f"tillpoint_{server.port}={doors.secrets.new_session()}"
        self._context = self._client.stream(
            "GET", f"http://127.0.0.1:{server.port}/panel/stream", headers={"cookie": cookie}
        )
        self.answer = self._context.__enter__()
        self._lines = self.answer.iter_lines()

    def event(self):
        """The next event or comment as (name, data)."""
        block = []
        for line in self._lines:
            if not line:
                break
            block.append(line)
        if not block:
            return ("end", None)
        if block[0].startswith(":"):
            return ("comment", block[0])
        return (block[0].removeprefix("event: "), json.loads(block[1].removeprefix("data: ")))

    def close(self):
        self._context.__exit__(None, None, None)
        self._client.close()


@pytest.fixture
def read(doors):
    readers = []

    def start(server):
        readers.append(Reader(server, doors))
        return readers[-1]

    yield start
    for reader in readers:
        reader.close()


def test_snapshot_at_connect_and_at_change(doors, serve, read):
    """First which files belong to the agent, then the state, then each change of it."""
    reader = read(serve())
    hello, first = reader.event(), reader.event()
    doors.desk.change(waiting=3)
    second = reader.event()

    assert ("hello", 16) == (hello[0], len(hello[1]["mark"]))
    assert [("snapshot", 1, 0), ("snapshot", 2, 3)] == [
        (name, data["version"], data["waiting"]) for name, data in (first, second)
    ]
    assert "text/event-stream; charset=utf-8" == reader.answer.headers["content-type"]


def test_burst_of_changes_is_one_event(doors, serve, read):
    """A till that changes two hundred times at once sends the newest state, not two hundred."""
    reader = read(serve())
    reader.event(), reader.event()
    for count in range(200):
        doors.desk.change(waiting=count)
    seen = []
    while not seen or seen[-1] != 199:
        seen.append(reader.event()[1]["waiting"])

    assert seen == sorted(seen)
    assert len(seen) <= 20


def test_what_came_and_went_between_two_events_is_told(doors, serve, read):
    """The page may have had the state between as the answer to its own call: it must learn that it is over."""
    reader = read(serve())
    reader.event(), reader.event()
    doors.desk.change(waiting=3)
    doors.desk.change(waiting=0)
    name, last = reader.event()
    while name == "snapshot" and last["version"] < doors.desk.snapshot.version:
        name, last = reader.event()

    assert ("snapshot", 3, 0) == (name, last["version"], last["waiting"])


def test_heartbeat(doors, serve, read):
    """Silence is broken by a comment, so that a dead connection is noticed."""
    reader = read(serve(heartbeat_s=0.05))
    reader.event(), reader.event()

    assert [("comment", ": beat")] * 2 == [reader.event(), reader.event()]


def test_no_full_phone_on_the_wire(doors, serve, read):
    """Whatever the till says."""
    doors.desk.change(mask="+79000000001", notice="8 900 000-00-01")
    reader = read(serve())
    reader.event()

    assert "0000000" not in json.dumps(reader.event()[1])


def test_stop_ends_streams_at_once(doors, serve, read):
    """An endless answer does not hold the agent's stop, and the till is left alone."""
    server = serve()
    reader = read(server)
    reader.event(), reader.event()

    assert 1 == doors.desk.subscribers

    server.stop()

    assert ("end", None) == reader.event()
    assert (0, False) == (doors.desk.subscribers, server.is_running)


def test_reader_that_leaves_is_forgotten(doors, serve, read):
    """A closed window costs nothing."""
    gone = threading.Event()
    subscribe = doors.desk.subscribe

    def watched(changed):
        stop = subscribe(changed)
        return lambda: (stop(), gone.set())

    doors.desk.subscribe = watched
    reader = read(serve())
    reader.event()
    reader.close()

    assert gone.wait(5)
    assert 0 == doors.desk.subscribers


def test_too_many_streams(doors, serve, read):
    """The ninth window is told."""
    server = serve()
    for _ in range(8):
        read(server).event()

    assert 503 == read(server).answer.status_code
