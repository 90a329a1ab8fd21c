"""The replica: newest version wins, pages arrive whole or not at all, and no state of the file is an obstacle."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_queue.errors import StoreBusy, StoreUnavailable
from offline_queue.replica import Applied, ReplicaDocument, ReplicaMeta, ReplicaReader, ReplicaWriter
from offline_queue.replica_reader import _FIND

NOON = "2026-03-01T12:00:00.000Z"
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replica.db"


@pytest.fixture
def writer(path: Path) -> Iterator[ReplicaWriter]:
    with ReplicaWriter.open(path) as writer:
        yield writer


@pytest.fixture
def reader(path: Path) -> Iterator[ReplicaReader]:
    with ReplicaReader.open(path) as reader:
        yield reader


def apply(
    writer: ReplicaWriter, changes: Iterable, *, cursor: str = "c1", reflects: int = 5, epoch: int = 1
) -> Applied:
    return writer.apply(cursor=cursor, reflects=reflects, epoch=epoch, changes=changes, stored_at=NOON)


def alias(number: int) -> str:
    return blake2b(number.to_bytes(8), digest_size=16).hexdigest()


def test_a_new_replica_is_empty_and_says_so(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """No cursor, no documents, nothing set aside."""
    assert (True, None, "", None) == (writer.started_empty, writer.set_aside, writer.cursor(), writer.meta())
    assert (None, None, 0) == (reader.get("customer", "c-1"), reader.meta(), reader.count("customer"))


def test_documents_come_back_as_they_came(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """Each document remembers what it reflects; the page says how far the replica has come."""
    assert Applied(written=2, stale=0) == apply(
        writer, [("customer", "c-1", 3, b"{}"), ("alias", alias(1), 1, b'"c-1"')]
    )

    assert ReplicaDocument(body=b"{}", version=3, reflects=5, epoch=1, stored_at=NOON) == reader.get("customer", "c-1")
    assert b'"c-1"' == reader.get("alias", alias(1)).body
    assert ReplicaMeta(cursor="c1", reflects=5, epoch=1, stored_at=NOON) == reader.meta() == writer.meta()
    assert (1, 1, 0) == (reader.count("customer"), writer.count("alias"), reader.count("programme"))
    assert reader.get("alias", alias(2)) is None
    assert reader.get("nothing", "c-1") is None


def test_what_a_document_reflects_is_its_own(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """A later page does not make an older document newer than it is."""
    apply(writer, [("customer", "c-1", 1, b"old")], reflects=5)
    apply(writer, [("customer", "c-2", 1, b"new")], reflects=9, cursor="c2")

    assert (5, 9) == (reader.get("customer", "c-1").reflects, reader.get("customer", "c-2").reflects)
    assert 9 == reader.meta().reflects


def test_an_older_version_never_overwrites_a_newer(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """Pages may come again or late; a tombstone keeps its version too; the same version refreshes."""
    apply(writer, [("customer", "c-1", 5, b"five"), ("customer", "c-2", 5, None)])

    assert Applied(written=0, stale=2) == apply(
        writer, [("customer", "c-1", 4, b"four"), ("customer", "c-2", 4, b"four")]
    )
    assert (b"five", None) == (reader.get("customer", "c-1").body, reader.get("customer", "c-2"))
    assert Applied(written=2, stale=0) == apply(
        writer, [("customer", "c-1", 5, b"five"), ("customer", "c-2", 6, b"six")], reflects=8
    )
    assert (8, b"six") == (reader.get("customer", "c-1").reflects, reader.get("customer", "c-2").body)


def test_the_count_follows_births_and_deaths(writer: ReplicaWriter) -> None:
    """A document that dies twice is dead once."""
    counts = []
    for body, version in ((b"a", 1), (b"b", 2), (None, 3), (None, 4), (b"c", 5), (b"stale", 1)):
        apply(writer, [("customer", "c-1", version, body)])
        counts.append(writer.count("customer"))

    assert [1, 1, 0, 0, 1, 1] == counts


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 2_000, 2_500])
def test_a_page_of_any_size_arrives_with_its_cursor(writer: ReplicaWriter, reader: ReplicaReader, rows: int) -> None:
    """Also an empty one: the cursor alone moves."""
    assert Applied(written=rows, stale=0) == apply(writer, (("alias", alias(n), 1, b"c") for n in range(rows)))

    assert ("c1", rows) == (reader.meta().cursor, reader.count("alias"))


def test_a_page_cut_in_the_middle_keeps_the_old_cursor(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """Whole chunks may stay; the page is asked for again and applied again, and the result is the same."""

    def cut() -> Iterator:
        for number in range(1_500):
            yield ("alias", alias(number), 1, b"c")
        raise ConnectionError("the line was cut")

    apply(writer, [], cursor="c1")
    with pytest.raises(ConnectionError):
        apply(writer, cut(), cursor="c2")

    assert ("c1", 0) == (reader.meta().cursor, reader.count("alias"))
    apply(writer, (("alias", alias(number), 1, b"c") for number in range(1_800)), cursor="c2")
    assert ("c2", 1_800) == (reader.meta().cursor, reader.count("alias"))


def test_an_illegal_change_leaves_nothing_of_its_transaction(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """A mistake of the caller is a ValueError, and the replica is as before."""
    for change in (("customer", "", 1, b"x"), ("customer", "k" * 129, 1, b"x"), ("c" * 33, "k", 1, b"x")):
        with pytest.raises(ValueError, match="must have from 1 to"):
            apply(writer, [("customer", "c-1", 1, b"x"), change])
    with pytest.raises(ValueError, match="no zone"):
        writer.apply(cursor="c", reflects=0, epoch=1, changes=[], stored_at="2026-03-01T12:00:00")

    assert reader.get("customer", "c-1") is None
    assert "" == writer.cursor()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["customer", "alias"]),
            st.one_of(st.sampled_from([alias(1), alias(2), "00", "ff" * 16]), st.text(min_size=1, max_size=5)),
            st.integers(1, 5),
            st.one_of(st.none(), st.binary(max_size=4)),
        ),
        max_size=12,
    )
)
@settings(max_examples=50, deadline=None)
def test_the_replica_agrees_with_a_dictionary(tmp_path_factory: pytest.TempPathFactory, changes: list) -> None:
    """Any changes in any order: the highest version wins, the last of equals; keys never collide."""
    path = tmp_path_factory.mktemp("model") / "replica.db"
    model: dict[tuple[str, str], tuple[int, bytes | None]] = {}
    with ReplicaWriter.open(path) as writer, ReplicaReader.open(path) as reader:
        for change in changes:
            apply(writer, [change])
            collection, key, version, body = change
            if version >= model.get((collection, key), (0, None))[0]:
                model[collection, key] = (version, body)
        for (collection, key), (_, body) in model.items():
            found = reader.get(collection, key)
            assert body == (found.body if found else None)
        for collection in ("customer", "alias"):
            alive = sum(place[0] == collection and value[1] is not None for place, value in model.items())
            assert alive == reader.count(collection) == writer.count(collection)


def test_a_reset_forgets_documents_and_cursor(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """410 Gone: everything is fetched from the beginning, also older versions than were here."""
    apply(writer, [("customer", "c-1", 5, b"x")])
    writer.reset()

    assert ("", None, 0) == (writer.cursor(), reader.get("customer", "c-1"), reader.count("customer"))
    apply(writer, [("alias", alias(1), 1, b"a"), ("customer", "c-1", 1, b"y")])
    assert b"y" == reader.get("customer", "c-1").body


def test_the_replica_survives_a_restart(path: Path) -> None:
    """Not empty, not set aside."""
    with ReplicaWriter.open(path) as writer:
        apply(writer, [("customer", "c-1", 1, b"x")])
    with ReplicaWriter.open(path) as writer:
        assert (False, None, "c1", 1) == (
            writer.started_empty,
            writer.set_aside,
            writer.cursor(),
            writer.count("customer"),
        )


# ── files in any state ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reader_waits_for_the_file_to_appear(path: Path, reader: ReplicaReader) -> None:
    """Absent, it knows nothing and says why; as soon as the file is there it knows."""
    assert reader.get("customer", "c-1") is None
    assert f"{path} is not there yet" == reader.trouble
    with ReplicaWriter.open(path) as writer:
        apply(writer, [("customer", "c-1", 1, b"x")])

        assert b"x" == reader.get("customer", "c-1").body
        assert "" == reader.trouble


@pytest.mark.parametrize("content", [b"", b"no database at all " * 500, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_that_is_no_replica_is_set_aside(path: Path, reader: ReplicaReader, content: bytes) -> None:
    """The writer starts empty and says where the old file is; a reader copes all along."""
    path.write_bytes(content)
    assert reader.get("customer", "c-1") is None
    assert "" != reader.trouble
    with ReplicaWriter.open(path) as writer:
        expected = path.with_name("replica.db.broken-1") if content else None
        assert (expected, "") == (writer.set_aside, writer.cursor())
        apply(writer, [("customer", "c-1", 1, b"x")])

        assert b"x" == reader.get("customer", "c-1").body
        assert not content or content == expected.read_bytes()


def test_a_replica_of_newer_tables_is_set_aside(path: Path) -> None:
    """A cache is not worth a refusal: after a downgrade it is fetched again."""
    ReplicaWriter.open(path).close()
    content = bytearray(path.read_bytes())
    content[60:64] = (999).to_bytes(4)  # user_version in the SQLite file header
    path.write_bytes(content)

    with ReplicaReader.open(path) as reader:
        assert reader.get("customer", "c-1") is None
        assert "tables of another version" in reader.trouble
    with ReplicaWriter.open(path) as writer:
        assert path.with_name("replica.db.broken-1") == writer.set_aside


def fill_and_damage(path: Path) -> None:
    with ReplicaWriter.open(path) as writer:
        apply(writer, ((("customer"), f"c-{n}", 1, bytes(500)) for n in range(500)))
    with path.open("r+b") as file:
        for page in range(20, 60):
            file.seek(page * PAGE)
            file.write(b"\xa5" * 64)


def test_damage_found_while_applying_starts_over(path: Path, reader: ReplicaReader) -> None:
    """The page is not applied to a damaged file: the answer says that everything must be fetched."""
    fill_and_damage(path)
    with ReplicaWriter.open(path) as writer:
        assert not writer.started_empty
        answer = apply(writer, ((("customer"), f"c-{n}", 2, b"x") for n in range(500)), cursor="c2")

        assert Applied(written=0, stale=0, started_over=True) == answer
        assert ("", path.with_name("replica.db.broken-1")) == (writer.cursor(), writer.set_aside)
        apply(writer, [("customer", "c-1", 1, b"x")])
        assert b"x" == reader.get("customer", "c-1").body


def test_damage_found_by_a_reader_is_a_miss(path: Path, reader: ReplicaReader) -> None:
    """The sale goes on without the customer; the sentence says why; a check sets the file aside."""
    fill_and_damage(path)

    answers = [reader.get("customer", f"c-{n}") for n in range(500)]
    assert None in answers
    with ReplicaWriter.open(path) as writer:
        assert not writer.check()
        assert writer.check()
        assert writer.started_empty
    assert reader.get("customer", "c-1") is None
    assert "" == reader.trouble


def test_three_damaged_files_are_kept_at_most(path: Path) -> None:
    """A disk that damages the file every night is not filled with the evidence."""
    for _ in range(5):
        path.write_bytes(b"no database at all " * 500)
        ReplicaWriter.open(path).close()

    names = sorted(file.name for file in path.parent.glob("*.broken-*"))
    assert ["replica.db.broken-1", "replica.db.broken-2", "replica.db.broken-3"] == names


def test_a_damaged_file_that_cannot_be_renamed_is_emptied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows does not rename a file a reader has open: it is emptied where it lies."""
    fill_and_damage(path)

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "in use", str(source))

    with ReplicaReader.open(path) as reader, ReplicaWriter.open(path) as writer:
        reader.meta()
        monkeypatch.setattr("offline_queue.replica.replace_durably", refuse)
        assert not writer.check()

        assert (None, True, "") == (writer.set_aside, writer.started_empty, writer.cursor())
        apply(writer, [("customer", "c-1", 1, b"x")])
        assert b"x" == reader.get("customer", "c-1").body
        assert not list(path.parent.glob("*.blank"))


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced on Windows")
def test_a_reader_notices_that_the_file_was_replaced(tmp_path: Path, path: Path, reader: ReplicaReader) -> None:
    """A replica made elsewhere takes the place of the old one; the next look-up reads the new one."""
    for name, body in (("replica.db", b"old"), ("other.db", b"new")):
        with ReplicaWriter.open(tmp_path / name) as writer:
            apply(writer, [("customer", "c-1", 1, body)])
    assert b"old" == reader.get("customer", "c-1").body
    (tmp_path / "other.db").replace(path)

    assert b"new" == reader.get("customer", "c-1").body
    path.unlink()
    assert reader.get("customer", "c-1") is None
    with ReplicaWriter.open(path) as writer:
        apply(writer, [("customer", "c-1", 1, b"newest")])
    assert b"newest" == reader.get("customer", "c-1").body


def test_the_wal_of_a_deleted_replica_does_not_meet_the_new_one(path: Path) -> None:
    """Somebody deletes replica.db and nothing else, as the guide says one may."""
    with ReplicaWriter.open(path) as writer:
        apply(writer, [("customer", "c-1", 1, b"ghost")])
        wal = path.with_name("replica.db-wal").read_bytes()
    path.unlink()
    path.with_name("replica.db-wal").write_bytes(wal)

    with ReplicaWriter.open(path) as writer, ReplicaReader.open(path) as reader:
        assert writer.started_empty
        assert reader.get("customer", "c-1") is None
        assert writer.check()


def test_a_second_writer_is_refused_and_a_closed_one_says_so(path: Path, tmp_path: Path) -> None:
    """One sync thread writes; a missing folder is no cache problem but a setting."""
    with ReplicaWriter.open(path) as writer, pytest.raises(StoreBusy, match="already being written"):
        ReplicaWriter.open(path)
    with pytest.raises(StoreUnavailable, match="is not open"):
        writer.cursor()
    with pytest.raises(StoreUnavailable, match="does not exist"):
        ReplicaWriter.open(tmp_path / "nowhere" / "replica.db")


def test_a_reader_on_another_thread_never_sees_half_a_page(path: Path) -> None:
    """Two documents that always change together are always seen with the page they came with."""
    stop: list[bool] = []
    with ReplicaWriter.open(path) as writer:
        apply(writer, [("customer", "c-1", 1, b"1"), ("alias", alias(1), 1, b"1")])

        def look() -> None:
            with ReplicaReader.open(path) as reader:
                while not stop:
                    first = int(reader.get("customer", "c-1").body)
                    second = int(reader.get("alias", alias(1)).body)
                    assert first <= second

        thread = Thread(target=look)
        thread.start()
        for number in range(2, 200):
            body = str(number).encode()
            apply(writer, [("customer", "c-1", number, body), ("alias", alias(1), number, body)])
        stop.append(True)
        thread.join()


def test_a_lookup_reads_one_tree(writer: ReplicaWriter, reader: ReplicaReader) -> None:
    """By the primary key, without a second index: what keeps five million aliases fast."""
    reader.meta()
    plan = reader._rows(
        "EXPLAIN QUERY PLAN " + _FIND,
        ("alias", bytes(16)),
    )

    assert "SEARCH document USING PRIMARY KEY (collection=? AND key=?)" == plan[0][3]
