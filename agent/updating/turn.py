"""The agent's side of updates, on a thread of its own: ask the centre, fetch, and say when the till is quiet.

It has no right to change what runs: it lays a wish into the inbox, and the updater, which believes nothing of it but
signatures, does the rest and says what became of it in `status.json`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.updating.fetching import clear_inbox, fetch
from agent.updating.places import Places
from agent.updating.plan import Moment, why_wait
from agent.updating.records import HearingState, Status, Waiting, Wish, keep, read
from agent.updating.trust import Trust, not_before_now
from agent.updating.word import Word
from drivers.vocabulary import codec
from drivers.vocabulary.release import ReleaseRefused, payload_for, version_order
from drivers.vocabulary.updates import LastTry, Package, TryOutcome, UpdateCheck, UpdateOffer, UpdateState

if TYPE_CHECKING:
    from agent.settings import UpdatesSettings

__all__ = ["Centre", "UpdateTurn", "Usage"]

log = logging.getLogger(__name__)

TICK_S: Final = 5.0
FIRST_S: Final = 120.0  # after the start there is other work
AGAIN_S: Final = 900.0  # when the centre did not answer
WISH_AGAIN_S: Final = 60.0  # a wish to change over is good for two minutes


class Centre(Protocol):
    """What is asked of the centre (`agent.sync.update_line.UpdateLine`)."""

    def check(self, check: UpdateCheck) -> tuple[UpdateOffer | None, float]:
        """What there is, and in how many seconds to ask again."""
        ...

    def stretch(self, path: str, *, sha256: str, begin: int, size: int, take: Callable[[bytes], None]) -> None:
        """The next stretch of an archive."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...

    def abort(self) -> None:
        """End the request that is under way on another thread."""
        ...


class Usage(Protocol):
    """How the till is used."""

    def moment(self, now: datetime) -> Moment:
        """The till, now."""
        ...


@dataclass(slots=True)
class UpdateTurn:
    """Does one tick after another.

    Args:
        settings: `[updates]`.
        connect: opens a conversation with the centre; called for each check, on the thread.
        usage: how the till is used.
        running: the version that runs.
        platform: this machine's name in a manifest.
        schema: of the till's database.
        zone_now: the clock, in the shop's zone.
        uptime_s: seconds that never go back.
        package: how Tillpoint came here.
        wished: told when there is work for the updater.
    """

    settings: UpdatesSettings
    places: Places
    trust: Trust
    connect: Callable[[], Centre]
    usage: Usage
    running: str
    platform: str
    schema: int
    zone_now: Callable[[], datetime]
    uptime_s: Callable[[], float]
    package: Package = Package.UNKNOWN
    wished: Callable[[], None] = lambda: None
    tick_s: float = TICK_S
    first_s: float = FIRST_S
    waiting: str = ""
    offer: UpdateOffer | None = None
    _version: str = ""
    _check_at_s: float | None = None
    _wished_s: float | None = None
    _told: LastTry | None = None
    _has_asked: bool = False
    _said: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _centre: Centre | None = None
    _thread: threading.Thread | None = None
    _word: Word = field(init=False)

    def __post_init__(self) -> None:
        self._word = Word(self.places)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop; a fetch that is under way goes on after the next start."""
        self._stop.set()
        centre = self._centre
        if centre is not None:
            centre.abort()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(self.tick_s):
            try:
                self.tick()
            except Exception:  # top of the thread: an update that fails is one that comes later
                log.exception("update.tick")
                self._check_at_s = self.uptime_s() + AGAIN_S

    def tick(self) -> None:
        """Whatever is due; blocks while the centre answers or an archive comes."""
        self._word.look()
        now_s = self.uptime_s()
        if self._check_at_s is None:
            self._check_at_s = now_s + self.first_s
        status = read(self.places.status, Status)
        if self._has_asked and status is not None and status.last != self._told:
            self._check_at_s = now_s  # the centre wants to know at once what became of it
            if not self._word.is_new:  # one that was just said is not answered with what was before it
                self._word.end(_outcome(status.last))
        if now_s >= self._check_at_s or self._word.is_new:
            self._ask(status)
        if self.offer is not None:
            self._go_on(status)
        self._say_waiting()

    def _say_waiting(self) -> None:
        """For the doctor and for `tillpoint update status`; written when it changes."""
        if self.waiting == self._said:
            return
        self._said = self.waiting
        try:
            if self.waiting:
                self.places.inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
                keep(self.places.waiting, Waiting(version=self._version, reason=self.waiting[:1_000]))
            else:
                self.places.waiting.unlink(missing_ok=True)
        except OSError as error:
            log.info("update.waiting unwritten reason=%s", error.strerror)

    # ── The centre ──────────────────────────────────────────────────────────────────────────────

    def _ask(self, status: Status | None) -> None:
        now_s = self.uptime_s()
        last = status.last if status is not None else None
        news = last if self._has_asked and last != self._told else None
        self._told, self._has_asked = last, True
        if self._word.is_new:
            self._word.asked()
        centre = self._centre = self.connect()
        try:
            offer, after_s = centre.check(self._check(status))
            self._check_at_s = now_s + after_s
            self._take(offer, status, news, centre)
        except (CentreUnavailable, CentreRefused) as error:
            log.info("update.unanswered reason=%s", error)
            self._check_at_s = now_s + AGAIN_S
            self._word.end(f"the centre does not answer: {error}")
        except (ReleaseRefused, OSError) as error:
            log.warning("update.untaken reason=%s", error)
            self.waiting = str(error)
            self.offer = None
            self._word.end(self.waiting)
        finally:
            self._centre = None
            centre.close()

    def _check(self, status: Status | None) -> UpdateCheck:
        state = status.state if status is not None else UpdateState.IDLE
        if self.places.journal.exists():
            state = UpdateState.TRYING
        last = status.last if status is not None else None
        return UpdateCheck(
            version=self.running,
            platform=self.platform,
            package=self.package,
            schema=self.schema,
            channel=self.settings.channel,
            state=state,
            staged=status.prepared if status is not None else "",
            last=last,
        )

    def _take(self, offer: UpdateOffer | None, status: Status | None, news: LastTry | None, centre: Centre) -> None:
        """Fetch what is offered, once it is known to be genuine and wanted; `news` is what the centre was just told."""
        if offer is None:
            if self.offer is not None:
                log.info("update.withdrawn version=%s", self._version)
            self.offer, self.waiting = None, ""
            self.places.wish.unlink(missing_ok=True)
            clear_inbox(self.places.inbox, keep="", version="")
            self._word.end(f"the centre has nothing newer than {self.running} for this till", HearingState.NEWEST)
            return
        data = codec.encode(offer.release)
        verified = self.trust.open(data, now=not_before_now(self.zone_now().astimezone(UTC)))
        version = verified.manifest.version
        payload = payload_for(verified.manifest, self.platform)
        self._require_wanted(version, status, news)
        clear_inbox(self.places.inbox, keep=payload.sha256, version=version)
        if status is None or status.prepared != version:
            self._word.say(f"fetching {version}, {payload.size / 1e6:.0f} MB")
        self.places.inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole = fetch(
            self.places.inbox,
            payload,
            offer.archive,
            centre,
            rate_kib_s=0 if self._word.stands else self.settings.rate_kib_s,
            stop=self._stop,
        )
        if whole is None:
            return
        keep(self.places.inbox / f"{version}.release.json", offer.release)
        self.offer, self._version = offer, version
        if status is None or status.prepared != version:
            self._wish(switch=False)

    def _require_wanted(self, version: str, status: Status | None, news: LastTry | None) -> None:
        if version_order(version) <= version_order(self.running):
            raise ReleaseRefused("lower", f"the centre offers {version}, and {self.running} runs here already")
        if status is not None and status.pinned and status.pinned != version:
            raise ReleaseRefused("pinned", f"this till is pinned to {status.pinned}")
        if status is not None and version in status.not_again and not self._word.stands:
            raise ReleaseRefused("not_again", f"{version} is not tried again: {status.not_again[version]}")
        is_bad = news is not None and news.version == version and news.outcome is not TryOutcome.HEALTHY
        if news is not None and is_bad and not self._word.stands:
            # A disk that is full now is full in five seconds too: what may pass has until the next check to do so.
            raise ReleaseRefused("not_now", news.reason)

    # ── The wish ────────────────────────────────────────────────────────────────────────────────

    def _go_on(self, status: Status | None) -> None:
        """Once the updater has made it ready: wait for a quiet moment, ask the centre once more, say so."""
        if status is None or status.prepared != self._version or self.offer is None:
            # An outcome is heard of in `tick`; the one that stands there now is of a try before this offer.
            self._word.say(f"making {self._version} ready")
            return
        self.waiting = why_wait(
            self.usage.moment(self.zone_now()),
            install=self.settings.install,
            hours=self.settings.hours,
            quiet_minutes=self.settings.quiet_minutes,
            shift_minutes=self.settings.shift_minutes,
            not_before=self.offer.not_before,
            not_after=self.offer.not_after,
            asked_now=self._word.stands,
        )
        self._word.say(self.waiting or f"changing over to {self._version}")
        now_s = self.uptime_s()
        if self.waiting or (self._wished_s is not None and now_s - self._wished_s < WISH_AGAIN_S):
            return
        version = self._version
        self._ask(status)  # a ring that was stopped meanwhile is heard of here
        if self.offer is not None and self._version == version and not self._stop.is_set():
            self._wished_s = self.uptime_s()
            self._wish(switch=True)
            self._word.hand_over()

    def _wish(self, *, switch: bool) -> None:
        wish = Wish(version=self._version, at=datetime.now(UTC), switch=switch)
        with suppress(FileNotFoundError):
            keep(self.places.wish, wish)
        log.info("update.wish version=%s switch=%s", self._version, switch)
        self.wished()


def _outcome(last: LastTry | None) -> str:
    """What became of it, in a line."""
    if last is None:
        return "the updater has forgotten what became of it"
    return f"{last.version} {last.outcome.value.replace('_', ' ')}{f': {last.reason}' if last.reason else ''}"
