"""The doors' secrets: on disk for this user alone, tickets once, sessions across restarts."""

from __future__ import annotations

import sys

import pytest

from agent.doors.keys import SESSION_LIFE_S, SESSION_RENEW_S, TICKET_LIFE_S, DoorSecrets, Tickets
from drivers.vocabulary.errors import SettingsError
from tests.agent.doors.memory_desk import TestClock


@pytest.fixture
def clock():
    return TestClock()


def test_secrets_outlive_a_restart(tmp_path, clock):
    """The second start reads what the first one made."""
    first = DoorSecrets.load_or_create(tmp_path, clock)
    second = DoorSecrets.load_or_create(tmp_path, clock)

    assert (first.api_token, first.panel_key) == (second.api_token, second.panel_key)
    assert (True, False) == (second.is_api_token(first.api_token), second.is_api_token(first.api_token[:-1]))
    assert second.session_of(first.new_session())


@pytest.mark.skipif(sys.platform == "win32", reason="the folder's access list rules there")
def test_files_are_for_this_user_alone(tmp_path, clock, caplog):
    """Made with 0600; a file that others could read is shut, and said so."""
    DoorSecrets.load_or_create(tmp_path / "state", clock)
    token = tmp_path / "state" / "api.token"

    assert [0o600, 0o600] == [path.stat().st_mode & 0o777 for path in sorted(token.parent.iterdir())]

    token.chmod(0o644)
    DoorSecrets.load_or_create(tmp_path / "state", clock)

    assert 0o600 == token.stat().st_mode & 0o777
    assert "door.secret_open" in caplog.text


@pytest.mark.parametrize("content", [b"", b"tp_short\n", b"\xff" * 67, b"x" * 5000])
def test_spoiled_file_is_named(tmp_path, clock, content):
    """The remedy is in the sentence."""
    (tmp_path / "api.token").write_bytes(content)

    with pytest.raises(SettingsError, match=r"api\.token holds no secret of ours: delete it"):
        DoorSecrets.load_or_create(tmp_path, clock)


def test_nothing_shows(tmp_path, clock):
    """A repr tells no secret."""
    secrets = DoorSecrets.load_or_create(tmp_path, clock)

    assert "DoorSecrets()" == repr(secrets)


def test_ticket_works_once_for_a_minute(tmp_path, clock):
    """Single use, sixty seconds, and none from before this start."""
    secrets = DoorSecrets.load_or_create(tmp_path, clock)
    tickets = Tickets(secrets)
    once, late = secrets.new_ticket(), secrets.new_ticket()

    assert [True, False] == [tickets.take(once), tickets.take(once)]

    clock.pass_s(TICKET_LIFE_S + 1)

    assert [False, False] == [tickets.take(late), tickets.take(once)]

    used = secrets.new_ticket()
    clock.pass_s(1)

    assert not Tickets(secrets).take(used)


def test_cookie_is_no_ticket_and_ticket_is_no_cookie(tmp_path, clock):
    """What was signed for one purpose is not good for the other."""
    secrets = DoorSecrets.load_or_create(tmp_path, clock)

    assert ("", False) == (secrets.session_of(secrets.new_ticket()), Tickets(secrets).take(secrets.new_session()))


@pytest.mark.parametrize("text", ["", "a", "..", "x.y.z", "0.0.0", "1.2.3.4", "é.é.é", "a" * 5000, "-1.aa." + "0" * 32])
def test_rubbish_is_no_session(tmp_path, clock, text):
    """Whatever a browser may send is read calmly."""
    secrets = DoorSecrets.load_or_create(tmp_path, clock)

    assert ("", False) == (secrets.session_of(text), Tickets(secrets).take(text))


def test_session_ends_and_is_renewed(tmp_path, clock):
    """A session in use goes on, an unused one ends."""
    secrets = DoorSecrets.load_or_create(tmp_path, clock)
    cookie = secrets.new_session()

    assert (True, False) == (bool(secrets.session_of(cookie)), secrets.is_session_old(cookie))

    clock.pass_s(SESSION_RENEW_S + 1)

    assert (True, True) == (bool(secrets.session_of(cookie)), secrets.is_session_old(cookie))

    clock.pass_s(SESSION_LIFE_S)

    assert "" == secrets.session_of(cookie)
