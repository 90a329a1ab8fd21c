"""Enrolment: codes, epochs, lost answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from central import tills
from central.errors import CentralStartError, Refusal
from drivers.vocabulary.centre import EnrolRequest


def code(centre: Any, till: str = "t9") -> str:
    with centre.database.write() as connection:
        return tills.make_code(connection, shop="s1", till=till, now=centre.now)


def enrol(centre: Any, letters: str, machine: str = "m") -> Any:
    with centre.database.write() as connection:
        request = EnrolRequest(code=letters, machine=machine)
        return tills.enrol(connection, request, currency="RUB", now=centre.now)


def use(centre: Any, token: str, till: str = "t9") -> tills.Till:
    with centre.database.write() as connection:
        found = tills.authenticate(connection, till=till, authorization=f"Bearer {token}")
        tills.note_seen(connection, till, tills.Vitals(), centre.now)
        return found


def test_a_code_gives_an_identity_once(centre: Any) -> None:
    """After the token was used the code is worth nothing."""
    letters = code(centre)
    given = enrol(centre, letters.lower().replace("-", " "))
    assert ("t9", "s1", 1, "RUB", centre.database.tenant_key.hex()) == (
        given.till,
        given.shop,
        given.epoch,
        given.currency,
        given.tenant_key,
    )

    use(centre, given.token)
    with pytest.raises(Refusal, match="used already"):
        enrol(centre, letters)


def test_a_lost_answer_may_be_asked_for_again_from_the_same_machine(centre: Any) -> None:
    """The same epoch, a new token; the lost one is worth nothing."""
    letters = code(centre)
    lost, again = enrol(centre, letters), enrol(centre, letters)

    assert lost.epoch == again.epoch
    with pytest.raises(Refusal):
        use(centre, lost.token)
    assert "t9" == use(centre, again.token).id


def test_another_machine_cannot_repeat_a_code(centre: Any) -> None:
    """A code read over a shoulder is too late."""
    letters = code(centre)
    enrol(centre, letters)
    with pytest.raises(Refusal):
        enrol(centre, letters, machine="thief")


def test_each_enrolment_raises_the_epoch_and_ends_the_old_token(centre: Any) -> None:
    """A cloned till is shut out by enrolling the right one again."""
    first = enrol(centre, code(centre))
    second = enrol(centre, code(centre))

    assert (1, 2) == (first.epoch, second.epoch)
    with pytest.raises(Refusal):
        use(centre, first.token)


def test_an_old_code_is_refused(centre: Any) -> None:
    """A day is enough."""
    letters = code(centre)
    centre.now += timedelta(hours=25)
    with pytest.raises(Refusal, match="too old"):
        enrol(centre, letters)


@pytest.mark.parametrize("name", ["", "a/b", "with space", "x" * 81])
def test_a_name_that_cannot_be_in_an_address_is_refused(centre: Any, name: str) -> None:
    """Tills and shops are named simply."""
    with pytest.raises(CentralStartError):
        code(centre, name)
