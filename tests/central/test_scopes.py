"""Scopes: a till is told of its own customers and of nobody else's, who enters and who leaves; and the look-ups."""

from __future__ import annotations

import gzip
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from central import changes, lookups, schema, snapshots
from central.aliases import finish_rotation, start_rotation
from central.errors import CentralStartError, Refusal
from central.members import load_members, read_members
from central.scope_feed import feed_places, tell_scopes
from central.scopes import change_scope, enter, fill_from_receipts, list_scopes, prune, scopes_in_use
from central.tills import enrol, make_code
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, EnrolRequest, LookupAnswer, LookupWanted, SnapshotPart
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from tests.central.test_newcomers import enrolled

MEMBERS = """id,name,card,scope
nina,Nina,29000001,north
sven,Sven,29000002,south
olga,Olga,29000003,
"""


def load(centre: Any, text: str) -> Any:
    members = read_members(io.StringIO(text), name="members.csv", currency="RUB")
    return load_members(centre.database, members, now=centre.now, progress=lambda _: None)


def alias(centre: Any, card: str) -> str:
    return keyed_hash(centre.database.tenant_key, Identifier(kind=IdentifierKind.CARD, value=card))


@pytest.fixture
def fleet(centre: Any) -> Any:
    """Two regions with a till each, one till of everybody, and three members."""
    with centre.database.write() as connection:
        for till, scope in (("n1", "north"), ("s1", "south"), ("all", None)):
            code = make_code(connection, shop="s", till=till, now=centre.now, scope=scope)
            enrol(connection, EnrolRequest(code=code), currency="RUB", now=centre.now)
    load(centre, MEMBERS)
    return centre


def page(centre: Any, scope: str, cursor: str = "") -> ChangesPage:
    with centre.database.read() as connection:
        return changes.read_page(connection, till="n1", cursor=cursor, now=centre.now, scope=scope)


def replica(centre: Any, scope: str, *, cursor: str = "", known: dict[Any, bytes] | None = None) -> Any:
    """What a till of a scope has after it read its feed to the end, and where it is."""
    found = dict(known or {})
    while True:
        shown = page(centre, scope, cursor)
        for change in shown.changes:
            found[change.collection, change.key] = change.document
        cursor = shown.cursor
        if not shown.more:
            return {key: body for key, body in found.items() if body is not None}, cursor


def people(found: Any) -> list[str]:
    return sorted(key for collection, key in found if collection == "customer")


def ask(centre: Any, card: str, till: str, scope: str) -> LookupAnswer | int:
    wanted = LookupWanted(aliases=(alias(centre, card),))
    with centre.database.write() as connection:
        return lookups.look_up(connection, wanted, till=till, scope=scope, now=centre.now)


def test_a_till_of_a_scope_is_told_of_its_own_customers(fleet: Any) -> None:
    """Homes come with the file; what is not about customers comes to all; a till without a scope has everybody."""
    with fleet.database.write() as connection:
        changes.publish(connection, [("keys", "tenant")])
    north, _ = replica(fleet, "north")
    south, _ = replica(fleet, "south")
    everybody, _ = replica(fleet, "")

    assert {("customer", "nina"), ("alias", alias(fleet, "29000001")), ("keys", "tenant")} == set(north)
    assert {("customer", "sven"), ("alias", alias(fleet, "29000002")), ("keys", "tenant")} == set(south)
    assert ["anna", "nina", "olga", "sven"] == people(everybody)


def test_the_cursor_goes_on_over_what_is_left_out(fleet: Any, words: Any) -> None:
    """A foreign change moves the place and brings nothing; an own one brings itself and nothing else."""
    _, cursor = replica(fleet, "north")
    places = fleet.database.reading(feed_places)
    load(fleet, "id,name,scope\nsven,Sven Two,\nolga,Olga Two,\n")
    shown = page(fleet, "north", cursor)
    after = fleet.database.reading(feed_places)

    assert () == shown.changes
    assert changes.place_of(shown.cursor) == changes.place_of(cursor) + 2
    assert places.of("north") == after.of("north")  # nobody's long poll is woken
    assert places.of("south") < after.of("south")
    assert places.of("") < after.of("")

    load(fleet, "id,name\nnina,Nina Two\n")
    assert ["nina"] == [change.key for change in page(fleet, "north", shown.cursor).changes]
    assert after.of("north") < fleet.database.reading(feed_places).of("north")


def test_who_shops_in_a_scope_enters_it_with_every_document(fleet: Any, words: Any) -> None:
    """The receipt of a till of the north: its tills hold the customer from now on, the south does not."""
    known, cursor = replica(fleet, "north")
    pen = words.Pen(till="n1")
    fleet.take(pen.write(words.sale("r1", customer="sven", earn=5)), till="n1")
    found, cursor = replica(fleet, "north", cursor=cursor, known=known)
    south, _ = replica(fleet, "south")

    assert ["nina", "sven"] == people(found)
    assert ("alias", alias(fleet, "29000002")) in found
    assert found["customer", "sven"] == south["customer", "sven"]

    fleet.take(pen.write(words.sale("r2", customer="sven", earn=7)), till="n1")
    assert [("customer", "sven")] == [(one.collection, one.key) for one in page(fleet, "north", cursor).changes]


def test_who_joins_at_a_till_is_of_its_scope_under_every_name(fleet: Any, words: Any) -> None:
    """A newcomer of the north; then the same person joins in the south, where the name is another one."""
    centre = fleet
    pens = {till: words.Pen(till=till) for till in ("n1", "s1")}
    centre.take(pens["n1"].write(enrolled(centre, words, name="n-1", till="n1")), till="n1")
    north, before = replica(centre, "north"), replica(centre, "south")
    centre.take(pens["s1"].write(enrolled(centre, words, name="n-2", till="s1")), till="s1")
    south, _ = replica(centre, "south", cursor=before[1], known=before[0])

    assert (["n-1", "nina"], ["sven"]) == (people(north[0]), people(before[0]))
    assert ["n-1", "sven"] == people(south)
    assert b'"n-1"' == south["merged", "n-2"]
    assert 2 == sum(collection == "alias" for collection, _ in south)


def test_hashes_under_another_key_go_to_the_scopes_that_hold_the_customer(fleet: Any) -> None:
    """A rotation adds them and takes the old ones away, in each scope its own."""
    known, cursor = replica(fleet, "north")
    start_rotation(fleet.database, lambda _: None)
    both, cursor = replica(fleet, "north", cursor=cursor, known=known)
    finish_rotation(fleet.database, is_forced=True)
    new, _ = replica(fleet, "north", cursor=cursor, known=both)

    assert [1, 2, 1] == [sum(collection == "alias" for collection, _ in one) for one in (known, both, new)]
    assert set(new) == set(replica(fleet, "north")[0])
    assert set(new) != set(known)


def test_who_was_not_seen_for_long_leaves_with_a_tombstone(fleet: Any, words: Any) -> None:
    """Homes stay; a till that was away all the time ends with the same; who comes again enters again."""
    pen = words.Pen(till="n1")
    fleet.take(pen.write(words.sale("r1", customer="sven")), pen.write(words.sale("r2", customer="nina")), till="n1")
    known, cursor = replica(fleet, "north")
    later = fleet.now + timedelta(days=181)
    left = prune(fleet.database, older_than=timedelta(days=180), now=later)
    kept, cursor = replica(fleet, "north", cursor=cursor, known=known)
    fresh, _ = replica(fleet, "north")

    assert (1, ["nina"], ["nina"]) == (left, people(kept), people(fresh))
    assert set(kept) == set(fresh)
    assert 0 == prune(fleet.database, older_than=timedelta(days=180), now=later)
    assert ["sven"] == people(replica(fleet, "south")[0])

    fleet.take(pen.write(words.sale("r3", customer="sven")), till="n1")
    assert ["nina", "sven"] == people(replica(fleet, "north", cursor=cursor, known=kept)[0])


def test_seen_again_within_the_time_stays(fleet: Any, words: Any) -> None:
    """What counts is the last time, not the first."""
    pen = words.Pen(till="n1")
    fleet.take(pen.write(words.sale("r1", customer="sven")), till="n1")
    fleet.now += timedelta(days=100)
    fleet.take(pen.write(words.sale("r2", customer="sven")), till="n1")

    assert 0 == prune(fleet.database, older_than=timedelta(days=180), now=fleet.now + timedelta(days=100))


def test_a_number_that_moved_to_another_scope_is_removed_where_it_was(fleet: Any) -> None:
    """The card of the north becomes a card of the south."""
    known, cursor = replica(fleet, "north")
    load(fleet, "id,name,card,scope\nsven,Sven,29000001,south\n")
    north, _ = replica(fleet, "north", cursor=cursor, known=known)
    south, _ = replica(fleet, "south")

    assert ("alias", alias(fleet, "29000001")) not in north
    assert b'"sven"' == south["alias", alias(fleet, "29000001")]
    assert set(north) == set(replica(fleet, "north")[0])


def test_a_member_who_moved_has_another_home(fleet: Any) -> None:
    """The old one is left when nobody sees the member there; loading the file again changes nothing."""
    again = load(fleet, MEMBERS)
    moved = load(fleet, "id,name,card,scope\nnina,Nina,29000001,south\n")

    assert (0, 3) == (again.updated, again.unchanged)
    assert 1 == moved.updated
    assert ["nina", "sven"] == people(replica(fleet, "south")[0])
    assert ["nina"] == people(replica(fleet, "north")[0])
    assert 1 == prune(fleet.database, older_than=timedelta(days=180), now=fleet.now + timedelta(days=181))
    assert [] == people(replica(fleet, "north")[0])


@pytest.mark.parametrize("scope", ["North", "a.b", "x" * 25, "a b"])
def test_a_scope_that_is_no_word_is_refused(fleet: Any, scope: str) -> None:
    """In the file with its line, and at the code."""
    with pytest.raises(CentralStartError, match="small letters"):
        load(fleet, f"id,scope\nnina,{scope}\n")
    with pytest.raises(CentralStartError, match="small letters"), fleet.database.write() as connection:
        make_code(connection, shop="s", till="t", now=fleet.now, scope=scope)


def test_a_till_whose_scope_changed_begins_again(fleet: Any, words: Any) -> None:
    """Its cursor is of another scope; who shopped there before is there after."""
    pen = words.Pen(till="all")
    fleet.take(pen.write(words.sale("r1", customer="olga")), till="all")
    _, cursor = replica(fleet, "")
    entered = fill_from_receipts(fleet.database, "all", "south", now=fleet.now)
    with fleet.database.write() as connection:
        before = change_scope(connection, "all", "south")
        with pytest.raises(CentralStartError, match="no till"):
            change_scope(connection, "nowhere", "south")
    with pytest.raises(Refusal) as refused:
        page(fleet, "south", cursor)
    with fleet.database.read() as connection:
        used = scopes_in_use(connection)

    assert (1, "", 410) == (entered, before, refused.value.status)
    assert ["olga", "sven"] == people(replica(fleet, "south")[0])
    assert ["", "north", "south"] == list(used)


def test_a_new_code_keeps_the_scope_unless_it_says_another(fleet: Any) -> None:
    """A till that is enrolled again is told of the same customers."""

    def scope_after(scope: str | None) -> str:
        with fleet.database.write() as connection:
            code = make_code(connection, shop="s", till="n1", now=fleet.now, scope=scope)
            enrol(connection, EnrolRequest(code=code), currency="RUB", now=fleet.now)
            return connection.scalar(select(schema.till.c.scope).where(schema.till.c.id == "n1"))

    assert ["north", "south", ""] == [scope_after(None), scope_after("south"), scope_after("")]


def test_a_snapshot_of_a_scope_and_the_changes_after_it_are_the_feed_of_the_scope(
    fleet: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made while somebody enters; other scopes' tills are not given its parts."""
    monkeypatch.setattr(snapshots, "PART_BYTES", 100)
    monkeypatch.setattr(snapshots, "_KEYS", 1)
    pen = words.Pen(till="n1")
    entered = []

    def meanwhile(done: int, of: int) -> None:
        if not entered:
            entered.append(fleet.take(pen.write(words.sale("r1", customer="olga")), till="n1"))

    name = snapshots.build_snapshot(fleet.database, now=lambda: fleet.now, scope="north", progress=meanwhile)
    with fleet.database.read() as connection:
        manifest = snapshots.read_manifest(connection, till="n1", scope="north")
        found = {}
        for number in range(len(manifest.parts)):
            part = snapshots.read_part(connection, snapshot=name, number=number, scope="north")
            for change in codec.decode(gzip.decompress(part), SnapshotPart).changes:
                found[change.collection, change.key] = change.document
        with pytest.raises(Refusal, match="not kept"):
            snapshots.read_part(connection, snapshot=name, number=0, scope="south")
        with pytest.raises(Refusal, match="no snapshot"):
            snapshots.read_manifest(connection, till="s1", scope="south")
    whole, _ = replica(fleet, "north", cursor=manifest.cursor, known=found)

    assert "sven" not in people(found)
    assert whole == replica(fleet, "north")[0]
    assert ["nina", "olga"] == people(whole)


def test_everybodys_snapshot_holds_merged_names(fleet: Any) -> None:
    """They are about one customer, and go with them."""
    with fleet.database.write() as connection:
        connection.execute(schema.merged.insert().values(id="nn", customer="nina", at=fleet.now))
        changes.publish(connection, [("merged", "nn")])
    name = snapshots.build_snapshot(fleet.database, now=lambda: fleet.now)
    with fleet.database.read() as connection:
        part = codec.decode(gzip.decompress(snapshots.read_part(connection, snapshot=name, number=0)), SnapshotPart)

    assert {(one.collection, one.key) for one in part.changes} == set(replica(fleet, "")[0])
    assert ("merged", "nn") in replica(fleet, "north")[0]
    assert ("merged", "nn") not in replica(fleet, "south")[0]


# ── Look-ups ────────────────────────────────────────────────────────────────────────────────────


def test_whom_a_till_asks_for_enters_its_scope(fleet: Any) -> None:
    """The answer is what the feed then says; the till's own mark comes with it."""
    known, cursor = replica(fleet, "north")
    answer = ask(fleet, "29000002", "n1", "north")
    found, _ = replica(fleet, "north", cursor=cursor, known=known)

    assert isinstance(answer, LookupAnswer)
    assert (1, 0) == (answer.epoch, answer.reflects)
    assert {("alias", alias(fleet, "29000002")), ("customer", "sven")} == {
        (one.collection, one.key) for one in answer.changes
    }
    assert {(one.collection, one.key): one.document for one in answer.changes}.items() <= found.items()


def test_nobody_is_an_answer_without_documents(fleet: Any) -> None:
    """And it changes nobody's feed."""
    before = fleet.database.reading(changes.feed_cursor)
    answer = ask(fleet, "29999999", "n1", "north")

    assert isinstance(answer, LookupAnswer)
    assert () == answer.changes
    assert before == fleet.database.reading(changes.feed_cursor)


def test_a_till_that_tries_numbers_has_to_wait_and_is_counted(fleet: Any) -> None:
    """So many at once, then one at a time; another till is not held up; the operator sees it."""
    answers = [ask(fleet, f"2911{number:04d}", "n1", "north") for number in range(int(lookups.BURST) + 3)]
    fleet.now += timedelta(seconds=lookups.EACH_S)
    later = [ask(fleet, "29000001", "n1", "north"), ask(fleet, "29000001", "n1", "north")]
    with fleet.database.read() as connection:
        seen = {one.name: one for one in list_scopes(connection)}

    assert int(lookups.BURST) == sum(isinstance(one, LookupAnswer) for one in answers)
    assert [10, 10, 10] == answers[-3:]
    assert [True, False] == [isinstance(one, LookupAnswer) for one in later]
    assert isinstance(ask(fleet, "29000002", "s1", "south"), LookupAnswer)
    assert (1, 30, 4) == (seen["north"].found, seen["north"].missed, seen["north"].refused)


def test_a_clock_that_was_set_back_gives_and_takes_nothing(fleet: Any) -> None:
    """The bucket stays as it is."""
    ask(fleet, "29000001", "n1", "north")
    fleet.now -= timedelta(days=1)
    ask(fleet, "29000001", "n1", "north")
    with fleet.database.read() as connection:
        left = connection.scalar(select(schema.lookup.c.tokens).where(schema.lookup.c.till == "n1"))

    assert lookups.BURST - 2 == pytest.approx(left)


def test_without_scopes_the_feed_costs_nothing_more(centre: Any) -> None:
    """No scope was ever made: no row is written beside the feed."""
    with centre.database.write() as connection:
        tell_scopes(connection, [(1, ("customer", "anna"))], removed=False)
        enter(connection, "", ["anna"], centre.now)
        rows = [connection.execute(select(table)).all() for table in (schema.scope, schema.scope_change)]

    assert [[], []] == rows


def test_pages_of_a_scope_read_no_foreign_changes(fleet: Any) -> None:
    """The plan of both queries is a search in an index, whatever else is in the feed."""
    if fleet.database.reader.dialect.name != "sqlite":
        pytest.skip("SQLite's words")
    plans = []
    with fleet.database.read() as connection:

        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            if "FROM change" in statement or "FROM scope_change" in statement:
                cursor2 = conn.connection.driver_connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)
                plans.extend(row[3] for row in cursor2)

        event.listen(connection, "before_cursor_execute", note)
        changes.read_page(connection, till="n1", cursor="", now=fleet.now, scope="north")

    assert any("change_common" in plan for plan in plans), plans
    assert all("SEARCH" in plan for plan in plans), plans


def test_telling_a_scope_walks_over_no_other_document(fleet: Any) -> None:
    """What is written anew is found by its key, however many documents the scope has."""
    if fleet.database.reader.dialect.name != "sqlite":
        pytest.skip("SQLite's words")
    plans = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith(("DELETE FROM scope_change", "SELECT scope_change")):
            driver = conn.connection.driver_connection
            plans.extend(row[3] for row in driver.execute("EXPLAIN QUERY PLAN " + statement, parameters))

    with fleet.database.write() as connection:
        event.listen(connection, "before_cursor_execute", note)
        enter(connection, "north", ["sven", "olga"], fleet.now)
        changes.publish(connection, [("customer", "sven"), ("alias", alias(fleet, "29000002"))])

    assert plans
    assert all("key=?" in plan for plan in plans), plans
