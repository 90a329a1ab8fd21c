"""Releases by hand: key files, the command line from the desk to the withdrawal, the page's buttons, the operator's API."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.cli import main
from central.errors import CentralStartError
from central.operator.keys import OPERATOR, make_token
from central.releases import signing
from central.releases.folder import ArchiveFolder
from drivers.vocabulary import codec
from drivers.vocabulary.release import Certificate, CertifiedKey, SignedRelease
from tests.central.releases.desk import CheckingTill, Publisher, SigningDesk, archive

DATABASES = ("sqlite",)


class Line:
    """The command line on one database and folder."""

    def __init__(self, url: str, folder: Path, out: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._folder = folder
        self._out = out

    def __call__(self, *words: str, code: int = 0, stores: bool = False) -> str:
        more = ["--releases", str(self._folder)] if stores else []
        assert code == main([*words, "--database", self._url, *more])
        said = self._out.readouterr()
        return said.out if code == 0 else said.err


@pytest.fixture
def line(database: Any, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    del database
    return Line(database_url, tmp_path / "releases", capsys)


def desk_by_hand(folder: Path, *versions: str) -> list[tuple[Path, Path]]:
    """Keys and signed releases made with the commands alone: (release, archive) of each version."""
    folder.mkdir()
    assert 0 == main(["release", "keys", "root", str(folder / "root")])
    assert 0 == main(["release", "keys", "signing", str(folder / "season"), "--root", str(folder / "root.key")])
    made = []
    for version in versions:
        zipped = archive(folder, version)
        out = folder / f"{version}.release.json"
        key = str(folder / "season.key")
        assert 0 == main(["release", "sign", str(zipped), "--key", key, "--out", str(out), "--notes", "a line"])
        made.append((out, zipped))
    return made


def test_a_release_from_the_safe_to_the_withdrawal(line: Line, tmp_path: Path) -> None:
    """Each step by its command; the trail names them all."""
    ((release, zipped),) = desk_by_hand(tmp_path / "desk", "1.1.0")
    assert "no root key is trusted" in line("release", "add", str(release), str(zipped), code=1, stores=True)
    assert "root " in line("release", "trust", str(tmp_path / "desk" / "root.pub"))
    assert "lacks its archive" in line("release", "add", str(release), code=1, stores=True)
    assert "waits" in line("release", "add", str(release), str(zipped), stores=True)
    assert "waits" in line("release", "add", str(release), str(zipped), stores=True)  # twice is once
    assert "there are no rings" in line("release", "start", "1.1.0", code=1)
    line("rings", "set", "pilot", "--healthy", "2", "--hours", "0.5", "--failures", "1", "--share", "5")
    line("rings", "set", "all")
    assert "ring pilot gets it now" in line("release", "start", "1.1.0")
    assert "is not waiting" in line("release", "start", "1.1.0", code=1)
    line("release", "stop", "1.1.0", "--why", "a call from shop 7")
    line("release", "resume", "1.1.0")
    line("release", "open", "1.1.0", "all", "--why", "we are in a hurry")
    assert "is rolling" in line("rings", "remove", "all", code=1)
    line("release", "withdraw", "1.1.0", "--why", "wrong sums", "--delete", stores=True)

    told = line("release", "show", "1.1.0")
    for act in ("added", "started", "opened pilot", "stopped", "resumed", "opened all", "withdrawn"):
        assert act in told
    assert [] == list((tmp_path / "releases").glob("*.zip"))
    assert ["withdrawn"] == [one["state"] for one in json.loads(line("release", "list", "--json"))]


def test_rings_and_shops_are_shown_as_they_were_set(line: Line, centre: Any) -> None:
    """And what cannot be is refused with a sentence."""
    line("rings", "set", "pilot", "--share", "12.5")
    line("rings", "set", "all")
    line("rings", "till", "t1", "--ring", "all", "--pin", "1.2.0")
    line("rings", "till", "t2", "--off")
    line("rings", "shop", "s1", "--ring", "pilot", "--closed", "22:00-07:00")
    told = line("rings", "list")

    assert "pilot: 1 tills, 12.5 %" in told
    assert "till t1" in told
    assert "shop s1 is closed 22:00-07:00 (Europe/Moscow)" in told
    fleet = json.loads(line("fleet", "--json"))
    assert {"t1": ("1.2.0", False), "t2": ("", True)} == {
        one["till"]: (one.get("pinned", ""), one.get("is_off", False)) for one in fleet["tills"]
    }
    assert "t1" in line("fleet", "--ring", "all")
    assert "no trouble" in line("fleet", "--trouble", "lonely", code=1)
    for words in (
        ("rings", "till", "t9", "--ring", "all"),
        ("rings", "till", "t1", "--ring", "none"),
        ("rings", "till", "t1"),
        ("rings", "shop", "s1", "--closed", "at night"),
        ("rings", "shop", "nowhere", "--ring", "all"),
        ("rings", "set", "all", "--share", "90"),
        ("rings", "set", "all"),
        ("rings", "set", "a b"),
        ("release", "start", "7.7"),
        ("release", "trust", "--revoke", "short"),
    ):
        assert line(*words, code=1)


def test_what_is_not_ours_or_was_changed_is_not_added(line: Line, tmp_path: Path) -> None:
    """Another desk's release, another archive, a version that comes twice, a revoked key."""
    (first, zipped), (second, other) = desk_by_hand(tmp_path / "desk", "1.1.0", "1.2.0")
    ((foreign, foreign_zip),) = desk_by_hand(tmp_path / "foreign", "1.3.0")
    line("release", "trust", str(tmp_path / "desk" / "root.pub"))

    assert "root_unknown" in line("release", "add", str(foreign), str(foreign_zip), code=1, stores=True)
    assert "is not an archive of release 1.1.0" in line("release", "add", str(first), str(other), code=1, stores=True)
    told = json.loads(first.read_bytes())
    told["manifest"] = json.loads(second.read_bytes())["manifest"]
    mixed = tmp_path / "mixed.release.json"
    mixed.write_text(json.dumps(told))
    assert "signature_wrong" in line("release", "add", str(mixed), str(other), code=1, stores=True)
    line("release", "add", str(first), str(zipped), stores=True)
    again = tmp_path / "again.release.json"
    key = str(tmp_path / "desk" / "season.key")
    assert 0 == main(["release", "sign", str(zipped), "--key", key, "--out", str(again), "--notes", "another"])
    line("release", "trust")
    assert "never used twice" in line("release", "add", str(again), str(zipped), code=1, stores=True)
    revoked = signing.fingerprint_of(signing.public_of(tmp_path / "desk" / "season.pub"))
    assert f"revoked {revoked}" in line("release", "trust", "--revoke", revoked)
    assert "key_revoked" in line("release", "add", str(second), str(other), code=1, stores=True)
    root = tmp_path / "desk" / "root.pub"
    line("release", "trust", "--revoke", signing.fingerprint_of(signing.public_of(root)))
    assert "was revoked here" in line("release", "trust", str(root), code=1)


def test_the_desk_refuses_what_no_till_would_take(tmp_path: Path, desk: SigningDesk, capsys: Any) -> None:
    """No archive of the build, two of one platform, two versions, a key without its certificate, a file that is there."""
    key = desk.folder / "season.key"
    good = archive(desk.folder, "1.1.0")
    bad = desk.folder / "bad.zip"
    bad.write_bytes(b"not a zip")
    twice = good.with_name("twice.zip")
    twice.write_bytes(good.read_bytes())
    for files in ([bad], [good, twice], [good, archive(desk.folder, "1.2.0", platform="win-amd64")], [tmp_path / "no"]):
        assert 1 == main(["release", "sign", *map(str, files), "--key", str(key), "--out", str(tmp_path / "x.json")])
    assert 1 == main(["release", "sign", str(good), "--key", str(desk.folder / "root.key"), "--out", "x.json"])
    assert "is not beside it" in capsys.readouterr().err
    assert 1 == main(["release", "keys", "root", str(desk.folder / "root")])
    assert "never overwritten" in capsys.readouterr().err
    certificate = codec.decode((desk.folder / "season.certificate.json").read_bytes(), Certificate)
    stated = codec.decode(base64.b64decode(certificate.statement), CertifiedKey)
    assert signing.public_of(desk.folder / "season.pub") == stated.key
    assert timedelta(days=90, hours=1) == stated.valid_until - stated.valid_from
    if os.name != "nt":  # Windows has no modes; the folder's list says who reads there
        assert 0o600 == (desk.folder / "root.key").stat().st_mode & 0o777


def test_an_archive_is_whole_under_its_name_or_not_there(tmp_path: Path) -> None:
    """A cut or changed upload leaves nothing behind."""
    folder = ArchiveFolder(tmp_path / "releases")
    data = b"PK" * 100
    digest = hashlib.sha256(data).hexdigest()

    def receive(pieces: list[bytes], size: int | None) -> None:
        with folder.receive(digest, size=size) as incoming:
            for piece in pieces:
                incoming.take(piece)
            incoming.keep()

    for pieces, size in (([data[:50]], None), ([data, b"x"], None), ([data], 5), ([data[:50]], len(data))):
        with pytest.raises(CentralStartError, match="archive"):
            receive(pieces, size)
    assert [] == list(folder.path.iterdir())
    receive([data], len(data))
    found = folder.find(digest)
    assert found is not None
    assert data == found.read_bytes()
    assert folder.find("../x") is None


@pytest.mark.net
def test_the_page_acts_with_its_form_key_and_says_why_not(
    publisher: Publisher, till: Callable[[str], CheckingTill], web: httpx.Client
) -> None:
    """A stop wants a reason, a second start is refused, a stranger's form does nothing."""
    one = till("t1")
    publisher.ring("all")
    publisher.add("1.1.0")
    with publisher.database.write() as connection:
        token = make_token(connection, OPERATOR)
    web.post("/operator/login", data={"token": token})
    key = re.findall(r'name="key" value="([0-9a-f]{64})"', web.get("/operator/releases").text)[0]

    def act(**fields: str) -> int:
        return web.post("/operator/releases", data={"key": key, "version": "1.1.0", **fields}).status_code

    assert 403 == act(act="start", key="0" * 64)
    assert 303 == act(act="start")
    assert "1.1.0" == one.offered()
    assert 409 == act(act="start")
    assert 409 == act(act="stop")
    assert 303 == act(act="stop", why="a call")
    assert "" == one.offered()
    assert 303 == act(act="resume")
    assert 303 == act(act="withdraw", why="wrong sums")
    assert 409 == act(act="dance")
    page = web.get("/operator/releases").text
    assert all(word in page for word in ("operator page", "a call", "wrong sums", "withdrawn"))


@pytest.mark.net
def test_a_build_server_hands_a_release_over(
    publisher: Publisher, desk: SigningDesk, web: httpx.Client, till: Callable[[str], CheckingTill]
) -> None:
    """The archive streamed by its digest, then the signed release, then the start; each with the operator's token."""
    one = till("t1")
    publisher.ring("all")
    with publisher.database.write() as connection:
        headers = {"authorization": f"Bearer {make_token(connection, OPERATOR)}"}
    zipped = archive(desk.folder, "1.1.0", filling=3_000_000)
    data = zipped.read_bytes()
    signed = codec.decode(desk.sign(zipped), SignedRelease)
    here = "/operator/api/releases"
    digest = hashlib.sha256(data).hexdigest()

    def pieces(content: bytes) -> Any:
        return iter([content[at : at + 100_000] for at in range(0, len(content), 100_000)])

    assert 401 == web.put(f"{here}/archives/{digest}", content=data).status_code
    assert 422 == web.post(here, content=codec.encode(signed), headers=headers).status_code  # its archive is missing
    assert 422 == web.put(f"{here}/archives/{digest}", content=pieces(data[:-1]), headers=headers).status_code
    assert 201 == web.put(f"{here}/archives/{digest}", content=pieces(data), headers=headers).status_code
    assert 201 == web.post(here, content=codec.encode(signed), headers=headers).status_code
    started = web.post(f"{here}/1.1.0", json={"act": "start"}, headers=headers)
    assert (200, "rolling") == (started.status_code, started.json()["state"])
    assert "1.1.0" == one.offered()
    assert 422 == web.post(f"{here}/9.9.9", json={"act": "start"}, headers=headers).status_code
    assert ["1.1.0"] == [row["version"] for row in web.get(here, headers=headers).json()]
