"""The feed: order, pages, one change per document, restores."""

from __future__ import annotations

from typing import Any

import pytest

from central import changes
from central.errors import Refusal
from drivers.vocabulary.centre import ChangesPage

DATABASES = ("sqlite", "postgresql")


def page(centre: Any, cursor: str = "") -> ChangesPage:
    with centre.database.read() as connection:
        return changes.read_page(connection, till="t1", cursor=cursor, now=centre.now)


def keys(shown: ChangesPage) -> list[str]:
    return [change.key for change in shown.changes if change.collection == "customer"]


def test_a_document_changed_often_is_told_once(centre: Any, words: Any) -> None:
    """The feed is never longer than the documents."""
    pen = words.Pen()
    centre.member("boris")
    for number in range(5):
        centre.take(pen.write(words.sale(f"r{number}", earn=1)))

    assert ["boris", "anna"] == keys(page(centre))


def test_pages_are_cut_and_go_on(centre: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By count and by size; each page says whether there is more."""
    for number in range(7):
        centre.member(f"m{number}")
    monkeypatch.setattr(changes, "PAGE_CHANGES_MAX", 3)
    first = page(centre)
    second = page(centre, first.cursor)
    third = page(centre, second.cursor)

    assert [True, True, False] == [first.more, second.more, third.more]
    assert ["anna", *(f"m{number}" for number in range(7))] == keys(first) + keys(second) + keys(third)

    monkeypatch.setattr(changes, "PAGE_BYTES_MAX", 1)
    small = page(centre)
    assert (1, True) == (len(small.changes), small.more)
    assert "m0" == keys(page(centre, small.cursor))[0]


def test_a_removed_document_is_a_tombstone(centre: Any) -> None:
    """Its change has no document."""
    with centre.database.write() as connection:
        changes.publish(connection, [("alias", "ab" * 16)], removed=True)

    assert [None] == [change.document for change in page(centre).changes if change.collection == "alias"]


def test_after_a_restore_every_cursor_is_gone(centre: Any) -> None:
    """The operator says that the database was restored; the tills begin again."""
    cursor = page(centre).cursor
    with centre.database.write() as connection:
        changes.new_instance(connection)
    with pytest.raises(Refusal, match="not of this server"):
        page(centre, cursor)

    assert ["anna"] == keys(page(centre))


def test_the_mark_of_an_old_epoch_is_told_until_the_new_one_begins(centre: Any, words: Any) -> None:
    """A till compares (epoch, sequence); what still drains in the old epoch must not look reflected."""
    old, new = words.Pen(), words.Pen(epoch=2)
    centre.take(old.write(words.sale("r1")))
    centre.enrol("t1")
    assert (1, 1) == (page(centre).epoch, page(centre).reflects)

    centre.take(new.write(words.sale("r2")))
    assert (2, 1) == (page(centre).epoch, page(centre).reflects)


def test_an_envelope_without_effect_tells_its_customer_again(centre: Any, words: Any) -> None:
    """The till counts its own entry until a document reflects it; a duplicate receipt must not count for ever."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1")))
    cursor = page(centre).cursor
    centre.take(pen.write(words.sale("r1")))

    assert (["anna"], 2) == (keys(page(centre, cursor)), page(centre, cursor).reflects)
