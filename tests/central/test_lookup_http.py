"""Look-ups and long polls of scopes as HTTP carries them; what wakes whom."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from central import lookups
from central.scope_feed import FeedPlaces
from central.tills import enrol, make_code
from central.watch import FeedWatch
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, EnrolRequest, LookupAnswer, LookupWanted
from drivers.vocabulary.customer import Customer
from tests.own_loop import run_alone

pytestmark = pytest.mark.net

DATABASES = ("sqlite",)
UNKNOWN = LookupWanted(aliases=("00" * 16,))


@pytest.fixture
def web(served: Any, centre: Any) -> Iterator[httpx.Client]:
    """A client with the token of a till of the north."""
    with centre.database.write() as connection:
        code = make_code(connection, shop="s", till="n1", now=centre.now, scope="north")
        token = enrol(connection, EnrolRequest(code=code), currency="RUB", now=centre.now).token
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def ask(web: httpx.Client, wanted: LookupWanted = UNKNOWN) -> httpx.Response:
    return web.post("/v1/tills/n1/lookup", content=codec.encode(wanted))


def page(web: httpx.Client, cursor: str = "", wait: int = 0) -> ChangesPage:
    query = {"wait": str(wait), "cursor": cursor} if cursor else {"wait": str(wait)}
    return codec.decode(web.get("/v1/tills/n1/changes", params=query).content, ChangesPage)


def test_a_till_that_tries_numbers_is_told_when_to_come_back(web: httpx.Client, monkeypatch: Any) -> None:
    """429 with Retry-After; the refusal itself is kept and counted."""
    monkeypatch.setattr(lookups, "BURST", 2.0)
    answers = [ask(web) for _ in range(4)]

    assert [200, 200, 429, 429] == [one.status_code for one in answers]
    assert "too_many_lookups" == answers[-1].json()["code"]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= lookups.EACH_S


@pytest.mark.parametrize(
    "body", [b'{"aliases":[]}', b'{"aliases":["x"]}', b'{"aliases":["' + b"0" * 31 + b'"]}', b"[]"]
)
def test_a_question_that_is_none_is_refused(web: httpx.Client, body: bytes) -> None:
    """Keyed hashes, one or two; a phone number is not one."""
    assert 400 == web.post("/v1/tills/n1/lookup", content=body).status_code


def test_a_stranger_may_not_ask(web: httpx.Client) -> None:
    """Another till's name with our token."""
    assert 401 == web.post("/v1/tills/t1/lookup", content=codec.encode(UNKNOWN)).status_code


def test_a_long_poll_of_a_scope_is_woken_by_its_own(web: httpx.Client, centre: Any, words: Any) -> None:
    """A receipt of another scope's customer leaves it asleep; one of its own ends it at once."""
    pen, north = words.Pen(till="t1"), words.Pen(till="n1")
    cursor = page(web).cursor
    pages: list[ChangesPage] = []
    asking = threading.Thread(target=lambda: pages.append(page(web, cursor, 25)))
    asking.start()
    centre.take(pen.write(words.sale("r1", earn=5)))
    centre.take(north.write(words.sale("r2", earn=7)), till="n1")
    asking.join(20)

    assert not asking.is_alive()
    assert ["anna"] == [change.key for change in pages[0].changes]
    assert 112 == sum(lot.amount for lot in codec.decode(bytes(pages[0].changes[0].body), Customer).lots)
    assert codec.decode(ask(web).content, LookupAnswer).changes == ()


def test_only_a_scopes_own_changes_end_its_wait() -> None:
    """News of another scope, of everybody's tills, of all scopes."""
    places = [FeedPlaces(5, 1, {"north": 3, "south": 5})]

    async def story() -> list[bool]:
        watch = FeedWatch(lambda: places[0])
        watch.start()
        north = asyncio.create_task(watch.wait(scope="north", beyond=5, timeout_s=20))
        everybody = asyncio.create_task(watch.wait(scope="", beyond=5, timeout_s=20))
        places[0] = FeedPlaces(7, 1, {"north": 3, "south": 7})
        watch.poke()
        told = [await everybody, north.done()]
        places[0] = FeedPlaces(8, 8, {"north": 3, "south": 7})
        watch.poke()
        told += [await north, await watch.wait(scope="north", beyond=8, timeout_s=0.05)]
        await watch.stop()
        return told

    assert [True, False, True, False] == run_alone(story)
