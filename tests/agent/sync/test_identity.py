"""The identity file and enrolment."""

from __future__ import annotations

import base64
import stat
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from agent.secrets.dpapi import DpapiLock
from agent.secrets.locks import CREDENTIAL
from agent.sync.enrol import enrol
from agent.sync.errors import CentreUnavailable, IdentityError, NotEnrolled
from agent.sync.identity import FILE_NAME, load, relock, save
from drivers.vocabulary import codec
from drivers.vocabulary.centre import EnrolAnswer, EnrolRequest, Problem

ANSWER = EnrolAnswer(till="t1", shop="s1", epoch=2, token="secret-token", tenant_key="ab" * 32, currency="RUB")


def test_what_is_saved_is_loaded(sync: Any, tmp_path: Path) -> None:
    """The folder is made; saving again replaces; no draft stays behind."""
    folder = tmp_path / "state"
    save(folder, sync.IDENTITY)
    save(folder, replace(sync.IDENTITY, epoch=2))

    assert 2 == load(folder).epoch
    assert [FILE_NAME] == [path.name for path in folder.iterdir()]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, which the installer sets on the folder")
def test_nobody_else_may_read_it(sync: Any, tmp_path: Path) -> None:
    """It holds the token and the tenant key."""
    assert 0o600 == stat.S_IMODE(save(tmp_path, sync.IDENTITY).stat().st_mode)


def test_a_till_without_the_file_is_told_what_to_do(tmp_path: Path) -> None:
    """The sentence names the command."""
    with pytest.raises(NotEnrolled, match="not enrolled: run `tillpoint setup`, or `tillpoint enrol URL CODE`"):
        load(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b'{"token": "secret-token"}', b" " * 70_000])
def test_a_damaged_file_is_named_without_its_secrets(tmp_path: Path, data: bytes) -> None:
    """The message helps store IT and leaks nothing."""
    (tmp_path / FILE_NAME).write_bytes(data)
    with pytest.raises(IdentityError) as damaged:
        load(tmp_path)

    assert FILE_NAME in str(damaged.value)
    assert "secret" not in str(damaged.value)


def test_no_secret_is_shown(sync: Any) -> None:
    """An identity may land in a log line."""
    assert "secret" not in repr(sync.IDENTITY)
    assert "abab" not in repr(sync.IDENTITY)


def test_a_code_becomes_an_identity(sync: Any, tmp_path: Path) -> None:
    """The address is kept without its last slash; the code travels as it was read out."""
    seen: list[EnrolRequest] = []

    def centre(request: httpx.Request) -> httpx.Response:
        seen.append(codec.decode(request.content, EnrolRequest))
        return sync.reply(200, ANSWER)

    made = enrol("https://centre.example/", " ABCD-EFGH ", tmp_path, transport=httpx.MockTransport(centre))

    assert "ABCD-EFGH" == seen[0].code
    assert ("https://centre.example", "t1", 2) == (made.url, made.till, made.epoch)
    assert made == load(tmp_path)


@pytest.mark.parametrize(
    "url", ["centre.example", "ftp://centre.example", "https://", "https://a:b@centre.example", "http://10.0.0.7:8700"]
)
def test_an_address_that_will_not_do_is_refused_before_anything_is_sent(tmp_path: Path, url: str) -> None:
    """A token never travels unencrypted through somebody else's network."""
    with pytest.raises(IdentityError):
        enrol(url, "ABCD", tmp_path)


def test_a_refused_code_leaves_no_file(sync: Any, tmp_path: Path) -> None:
    """The centre's words reach the person at the keyboard."""
    refuse = httpx.MockTransport(lambda _: sync.reply(403, Problem(code="code_refused", message="used already")))
    with pytest.raises(IdentityError, match="used already"):
        enrol("http://127.0.0.1:8700", "ABCD", tmp_path, transport=refuse)

    assert [] == list(tmp_path.iterdir())


def test_an_answer_of_something_else_is_not_an_identity(sync: Any, tmp_path: Path) -> None:
    """A till never trusts a key it cannot use."""
    other = httpx.MockTransport(lambda _: sync.reply(200, codec.encode(ANSWER).replace(b"abab", b"zz")))
    with pytest.raises(CentreUnavailable, match="cannot be read"):
        enrol("https://centre.example", "ABCD", tmp_path, transport=other)


# ── How it lies on disk ─────────────────────────────────────────────────────────────────────────


def plain_file(folder: Path, identity: Any) -> Path:
    """As versions before locks wrote it."""
    path = folder / FILE_NAME
    path.write_bytes(codec.encode(identity))
    path.chmod(0o600)
    return path


def test_a_file_of_before_is_read_and_brought_over(sync: Any, tmp_path: Path) -> None:
    """`load` changes nothing; the agent's start writes it anew."""
    path = plain_file(tmp_path, sync.IDENTITY)
    before = path.read_bytes()

    assert sync.IDENTITY == load(tmp_path)
    assert before == path.read_bytes()
    assert sync.IDENTITY == relock(tmp_path)
    assert b'"locked"' in path.read_bytes()
    assert sync.IDENTITY == load(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has DPAPI instead")
def test_a_credential_that_came_later_locks_the_file_at_the_next_start(
    sync: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on the disk alone says nothing, and a command without the credential says what is missing."""
    path = save(tmp_path, sync.IDENTITY)
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / CREDENTIAL).write_bytes(b"k" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    relock(tmp_path)

    on_disk = path.read_bytes()
    for secret in (b"secret-token", base64.b64encode(b"secret-token"), b"ab" * 32):
        assert secret not in on_disk
    assert sync.IDENTITY == load(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(IdentityError, match="credential"):
        load(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no modes")
def test_a_file_others_could_read_is_refused(sync: Any, tmp_path: Path) -> None:
    """With the command that mends it."""
    save(tmp_path, sync.IDENTITY).chmod(0o644)
    with pytest.raises(IdentityError, match=r"mode 0644.*chmod 600"):
        load(tmp_path)


def test_dpapi_keeps_the_identity_on_windows(sync: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Windows locked, Windows opens; the seam is the two calls."""

    class Crypt:
        @staticmethod
        def CryptProtectData(data: bytes, *_: Any) -> bytes:
            return data[::-1]

        @staticmethod
        def CryptUnprotectData(data: bytes, *_: Any) -> tuple[str, bytes]:
            return "", data[::-1]

    lock = DpapiLock(lambda: Crypt)
    monkeypatch.setattr("agent.sync.identity.lock_named", lambda name: {"dpapi": lock}[name])
    save(tmp_path, sync.IDENTITY, lock=lock)

    assert b'"lock":"dpapi"' in (tmp_path / FILE_NAME).read_bytes()
    assert sync.IDENTITY == load(tmp_path)
