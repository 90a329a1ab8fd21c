"""The agent's side: what it asks, fetches, lays into the inbox, and when it says that the till is quiet."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from update_rig import CERTIFICATE, NOON, OTHER_KEY, PLATFORM, ROOT_KEY, SIGNING_KEY, resigned

from agent.settings import UpdatesSettings
from agent.signatures import public_text
from agent.sync.errors import CentreUnavailable
from agent.sync.update_line import ArchiveChanged
from agent.updating import fetching
from agent.updating.places import Places
from agent.updating.plan import Moment
from agent.updating.records import Hearing, HearingState, Status, Waiting, Wish, keep, read
from agent.updating.trust import Trust
from agent.updating.turn import UpdateTurn
from drivers.vocabulary.release import Manifest, Payload, sign_release
from drivers.vocabulary.updates import LastTry, TryOutcome, UpdateCheck, UpdateOffer, UpdateState

ARCHIVE = os.urandom(700_000)
SHA = hashlib.sha256(ARCHIVE).hexdigest()


def offer_of(version: str = "1.1.0", *, key: str = SIGNING_KEY) -> UpdateOffer:
    """What the centre offers."""
    payload = Payload(sha256=SHA, size=len(ARCHIVE), schema=1, readable_from=1)
    signed = sign_release(
        SIGNING_KEY, CERTIFICATE, Manifest(version=version, created=NOON, platforms={PLATFORM: payload})
    )
    if key != SIGNING_KEY:
        signed = replace(signed, signature=resigned(key, signed.manifest))
    return UpdateOffer(
        release=signed, ring="first", not_before=NOON - timedelta(hours=1), archive="/a/1", size=len(ARCHIVE)
    )


class FakeCentre:
    """Answers with what it was told to; its line breaks where it was told to."""

    def __init__(self) -> None:
        self.offer: UpdateOffer | None = None
        self.after_s = 600.0
        self.checks: list[UpdateCheck] = []
        self.begins: list[int] = []
        self.breaks_at: int | None = None
        self.data = ARCHIVE
        self.changed = False
        self.down = False

    def check(self, check: UpdateCheck) -> tuple[UpdateOffer | None, float]:
        if self.down:
            raise CentreUnavailable("no line")
        self.checks.append(check)
        return self.offer, self.after_s

    def stretch(self, path: str, *, sha256: str, begin: int, size: int, take: Callable[[bytes], None]) -> None:
        self.begins.append(begin)
        if self.changed and begin:
            self.changed = False
            raise ArchiveChanged("another one")
        end = min(begin + 262_144, size)
        if self.breaks_at is not None and begin <= self.breaks_at < end:
            take(self.data[begin : self.breaks_at])
            self.breaks_at = None
            raise CentreUnavailable("the line broke")
        take(self.data[begin:end])

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class FakeUsage:
    """How the till is used."""

    def __init__(self) -> None:
        self.busy = ""

    def moment(self, now: datetime) -> Moment:
        return Moment(now=now, busy=self.busy, quiet_s=9e4, since_receipt_s=9e4, shift_ended=True, uptime_s=9e4)


class Rig:
    """A turn whose time is ours."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(
            versions=folder / "versions",
            packaged=None,
            pointers=folder / "versions",
            inbox=folder / "state" / "updates",
            state=folder / "state",
        )
        self.places.state.mkdir()
        self.places.work.mkdir(parents=True)
        self.centre, self.usage = FakeCentre(), FakeUsage()
        self.clock_s = 1_000.0
        self.words = 0
        self.turn = self.make()

    def make(self, **updates: Any) -> UpdateTurn:
        return UpdateTurn(
            settings=UpdatesSettings(**{"rate_kib_s": 0, **updates}),
            places=self.places,
            trust=Trust(roots=(public_text(ROOT_KEY),)),
            connect=lambda: self.centre,
            usage=self.usage,
            running="1.0.0",
            platform=PLATFORM,
            schema=1,
            zone_now=lambda: NOON,
            uptime_s=lambda: self.clock_s,
        )

    def tick(self, after_s: float = 5.0) -> None:
        self.clock_s += after_s
        self.turn.tick()

    def told(self, **more: Any) -> None:
        """The updater says."""
        keep(self.places.status, Status(state=UpdateState.STAGED, running="1.0.0", at=NOON, **more))

    @property
    def wish(self) -> Wish | None:
        return read(self.places.wish, Wish)

    @property
    def heard(self) -> tuple[HearingState, str] | None:
        """What the agent says to `tillpoint update now`."""
        hearing = read(self.places.hearing, Hearing)
        return (hearing.state, hearing.said) if hearing is not None else None

    def say_now(self) -> None:
        """`tillpoint update now`, and the next tick; each word has a time of its own."""
        self.words += 1
        self.places.asked_now.write_text("now", "ascii")
        os.utime(self.places.asked_now, ns=(0, time.time_ns() + self.words))
        self.tick()

    def first(self) -> None:
        """Past the time that is other work's."""
        self.tick(0)
        self.tick(121)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_nothing_is_asked_in_the_first_minutes(rig: Rig) -> None:
    """After a start there is other work; then it is asked, and again when the centre said."""
    rig.tick()
    rig.tick(100)
    assert [] == rig.centre.checks
    rig.tick(30)
    assert 1 == len(rig.centre.checks)
    rig.tick(590)
    assert 1 == len(rig.centre.checks)
    rig.tick(20)
    assert 2 == len(rig.centre.checks)


def test_an_offer_is_fetched_and_made_ready_and_changed_to(rig: Rig) -> None:
    """Archive and release in the inbox, a wish without `switch`; with the updater's word, one with it."""
    rig.centre.offer = offer_of()
    rig.first()

    assert ARCHIVE == (rig.places.inbox / f"{SHA}.zip").read_bytes()
    assert (rig.places.inbox / "1.1.0.release.json").exists()
    assert rig.wish is not None
    assert ("1.1.0", False) == (rig.wish.version, rig.wish.switch)
    rig.told(prepared="1.1.0")
    rig.usage.busy = "a customer is on the panel"
    rig.tick()
    assert not rig.wish.switch
    waiting = read(rig.places.waiting, Waiting)
    assert waiting is not None
    assert "a customer is on the panel" == waiting.reason
    rig.usage.busy = ""
    rig.tick()
    assert rig.wish.switch
    assert UpdateState.STAGED is rig.centre.checks[-1].state
    assert "1.1.0" == rig.centre.checks[-1].staged
    assert not rig.places.waiting.exists()


def test_a_ring_that_was_stopped_is_heard_of_before_the_switch(rig: Rig) -> None:
    """The centre is asked once more; it says nothing any more: nothing is changed."""
    rig.centre.offer = offer_of()
    rig.first()
    rig.told(prepared="1.1.0")
    rig.centre.offer = None
    rig.tick()

    assert rig.wish is None
    assert [] == [one.name for one in rig.places.inbox.glob("*.zip")]


def test_a_line_that_breaks(rig: Rig) -> None:
    """The next check goes on where it was cut."""
    rig.centre.offer = offer_of()
    rig.centre.breaks_at = 300_000
    rig.first()
    assert rig.wish is None
    rig.tick(901)

    assert [0, 262_144, 300_000, 562_144] == rig.centre.begins
    assert ARCHIVE == (rig.places.inbox / f"{SHA}.zip").read_bytes()


def test_an_archive_that_changed_in_between(rig: Rig) -> None:
    """What was fetched is of another one: from the beginning."""
    rig.centre.offer = offer_of()
    rig.centre.breaks_at = 300_000
    rig.first()
    rig.centre.changed = True
    rig.tick(901)
    rig.tick(901)

    assert ARCHIVE == (rig.places.inbox / f"{SHA}.zip").read_bytes()


def test_an_archive_that_is_not_the_one_that_was_signed(rig: Rig) -> None:
    """Thrown away; the sentence says so; the next time it is fetched anew."""
    rig.centre.offer = offer_of()
    rig.centre.data = os.urandom(len(ARCHIVE))
    rig.first()

    assert rig.wish is None
    assert "not the one that was signed" in rig.turn.waiting
    assert [] == list(rig.places.inbox.glob(f"{SHA}.*"))
    rig.centre.data = ARCHIVE
    rig.tick(601)
    assert rig.wish is not None


def test_an_archive_that_spoiled_on_the_disk_is_fetched_again(rig: Rig) -> None:
    """It came whole, and is not whole any more when the centre is asked again."""
    rig.centre.offer = offer_of()
    rig.first()
    (rig.places.inbox / f"{SHA}.zip").write_bytes(ARCHIVE[:-1])
    rig.tick(601)

    assert ARCHIVE == (rig.places.inbox / f"{SHA}.zip").read_bytes()


def test_what_the_updater_refused_is_told_at_once_and_tried_at_the_next_check(rig: Rig) -> None:
    """A full disk is no reason to ask, unpack and refuse every five seconds; one day it has room."""
    rig.centre.offer = offer_of()
    rig.first()
    rig.places.wish.unlink()
    refused = LastTry(version="1.1.0", outcome=TryOutcome.FAILED, reason="no room to unpack", at=NOON)
    rig.told(last=refused)
    rig.tick()
    told, wished, waiting = rig.centre.checks[-1].last, rig.wish, rig.turn.waiting
    rig.tick()
    rig.tick()
    checks = len(rig.centre.checks)
    rig.tick(601)

    assert (refused, None, "no room to unpack") == (told, wished, waiting)
    assert 2 == checks
    assert rig.wish is not None


def test_a_release_that_does_not_count_is_not_even_fetched(rig: Rig) -> None:
    """A signature costs nothing to look at; an archive costs an hour of the shop's line."""
    for offer, words in (
        (offer_of(key=OTHER_KEY), "did not sign this manifest"),
        (offer_of("0.9.0"), "the centre offers 0.9.0, and 1.0.0 runs here already"),
        (offer_of("1.0.0"), "runs here already"),
    ):
        rig.centre.offer = offer
        rig.first()
        rig.tick(601)
        assert words in rig.turn.waiting
    assert [] == rig.centre.begins


def test_what_was_rolled_back_is_not_fetched_again_and_told_at_once(rig: Rig) -> None:
    """The centre hears within a tick; the reason is what the panel's page says."""
    rig.centre.offer = offer_of()
    rig.first()
    last = LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="printer", at=NOON)
    rig.told(last=last, not_again={"1.1.0": "printer"})
    asked = len(rig.centre.checks)
    rig.tick()

    assert asked + 1 == len(rig.centre.checks)
    assert last == rig.centre.checks[-1].last
    assert "1.1.0 is not tried again: printer" == rig.turn.waiting


def test_by_hand(rig: Rig) -> None:
    """`tillpoint update now`: at once, at noon, and also where updates wait for a hand."""
    rig.turn = rig.make(install="hand", hours="22:00-07:00")
    rig.centre.offer = offer_of()
    rig.first()
    rig.told(prepared="1.1.0")
    rig.tick()
    assert rig.wish is not None
    assert not rig.wish.switch
    rig.places.asked_now.write_text("now", "ascii")
    rig.tick()

    assert rig.wish.switch


def test_a_word_that_came_while_the_agent_started_is_heard(rig: Rig) -> None:
    """Said between the start of the thread and its first look, it was lost, and the command waited for ever."""
    rig.places.asked_now.write_text("now", "ascii")
    rig.tick()

    assert 1 == len(rig.centre.checks)
    assert (HearingState.NEWEST, "the centre has nothing newer than 1.0.0 for this till") == rig.heard
    rig.tick()
    assert 1 == len(rig.centre.checks), "asked once for each word"


def test_a_word_is_done_once_however_often_the_agent_starts(rig: Rig) -> None:
    """One that was answered or handed over is past; one that was cut goes on; one of yesterday is nobody's."""
    rig.centre.offer = offer_of()
    rig.places.asked_now.write_text("now", "ascii")
    rig.tick()
    assert (HearingState.GOING, "making 1.1.0 ready") == rig.heard

    rig.turn = rig.make()
    rig.told(prepared="1.1.0")
    rig.tick()
    assert 3 == len(rig.centre.checks), "the word goes on, and before a switch it asks once more"
    assert (HearingState.HANDED, "changing over to 1.1.0") == rig.heard

    rig.turn = rig.make()
    rig.tick()
    assert 3 == len(rig.centre.checks)

    old_s = time.time() - 3_600
    os.utime(rig.places.asked_now, (old_s, old_s))
    rig.tick()
    assert 3 == len(rig.centre.checks)


def test_who_said_now_hears_why_nothing_comes_of_it(rig: Rig) -> None:
    """No line, a version that is not taken, a customer on the panel: in words, at the command."""
    rig.tick()
    rig.centre.down = True
    rig.say_now()
    assert (HearingState.FAILED, "the centre does not answer: no line") == rig.heard

    rig.centre.down = False
    rig.centre.offer = offer_of("0.9.0")
    rig.say_now()
    assert (HearingState.FAILED, "the centre offers 0.9.0, and 1.0.0 runs here already") == rig.heard

    rig.centre.offer = offer_of()
    rig.told(prepared="1.1.0")
    rig.usage.busy = "a customer is on the panel"
    rig.say_now()
    assert (HearingState.GOING, "a customer is on the panel") == rig.heard
    rig.usage.busy = ""
    rig.tick()
    assert (HearingState.HANDED, "changing over to 1.1.0") == rig.heard
    rig.told(last=LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="printer", at=NOON))
    rig.tick()
    assert (HearingState.FAILED, "1.1.0 rolled back: printer") == rig.heard


def test_a_word_right_after_a_bad_try_is_not_answered_with_that_try(rig: Rig) -> None:
    """Both are seen in one look: who says now wants it tried again."""
    rig.centre.offer = offer_of()
    rig.first()
    rig.told(last=LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="printer", at=NOON))
    rig.say_now()

    assert (HearingState.GOING, "making 1.1.0 ready") == rig.heard
    rig.tick()
    rig.told(prepared="1.1.0", last=LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="printer", at=NOON))
    rig.tick()
    assert (HearingState.HANDED, "changing over to 1.1.0") == rig.heard
    assert rig.wish is not None
    assert rig.wish.switch


def test_no_line(rig: Rig) -> None:
    """Asked again later; nothing is lost."""
    rig.centre.down = True
    rig.first()
    rig.centre.down = False
    rig.tick(60)
    assert [] == rig.centre.checks
    rig.tick(900)
    assert 1 == len(rig.centre.checks)


def test_no_room_for_an_archive(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sales come first."""
    rig.centre.offer = offer_of()
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))
    rig.first()

    assert "no room on the disk" in rig.turn.waiting


def test_throttled(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause after each stretch, as long as the rate says."""
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    rig.turn = rig.make(rate_kib_s=128)
    monkeypatch.setattr(rig.turn._stop, "wait", wait)
    rig.centre.offer = offer_of()
    rig.first()

    assert [2.0, 2.0, 2.0] == pauses


def test_a_wish_is_said_again_when_it_grew_old(rig: Rig) -> None:
    """The updater was busy; a minute later the till is still quiet."""
    rig.centre.offer = offer_of()
    rig.first()
    rig.told(prepared="1.1.0")
    rig.tick()
    first = rig.wish
    rig.tick()
    assert first == rig.wish
    rig.tick(61)
    assert rig.wish is not None
    assert first is not None
    assert rig.wish.at > first.at
    assert datetime.now(UTC) - rig.wish.at < timedelta(minutes=1)
