"""What the cashier does at the panel besides showing a code, and store IT's page behind a PIN, over HTTP."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from typing import Annotated, Any, Final, cast

import anyio
import anyio.to_thread
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import acts
from agent.clock import Clock
from agent.doors.api import json_response
from agent.doors.bodies import read_json
from agent.doors.calls import TillCalls
from agent.doors.gate import check_panel_post
from agent.doors.limits import LookupLimits
from agent.doors.pins import Pins, PinVerdict
from agent.doors.problems import DoorRefused
from agent.doors.view import panel_view
from agent.snapshot import DeviceView, Screen, TillDesk

__all__ = ["Acting", "PanelIt", "check_lookups"]

IT_OPEN_S: Final = 600.0  # store IT looks around without typing the PIN again
SESSIONS_MAX: Final = 16


#: What a supervisor answers for.
Vouched = acts.AnswerLimit | acts.LostCard | acts.Spend | acts.Train


class PanelIt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /panel/it``: the PIN, or "" to look again."""

    pin: Annotated[str, Meta(pattern=r"^([0-9]{4,12})?$")] = ""

    def __repr__(self) -> str:
        return "PanelIt(…)"


class ItView(Struct, frozen=True, kw_only=True):
    """What store IT sees: where it hangs, what waits, what was done today; nothing about customers.

    Attributes:
        link_detail: why the centre cannot be reached or relied on, in English, as in the log.
        uptime_s: how long the machine has been running.
    """

    version: str
    system: str
    shop: str
    till: str
    uptime_s: int
    link: str
    link_detail: str
    offline_since: str
    waiting: int
    waiting_oldest_at: str
    shelved: int
    programme: str
    programme_version: int
    programme_trouble: str
    may_join: bool
    devices: tuple[DeviceView, ...]
    counts: dict[str, int]
    lookups: dict[str, int]


class Acting:
    """The routes /panel/act and /panel/it; used on the event loop.

    Args:
        session: the name of the request's panel session; raises DoorRefused without one.
        lookups: how many look-ups found somebody, nobody, or were refused; for store IT.
    """

    def __init__(
        self,
        desk: TillDesk,
        *,
        session: Callable[[Request], str],
        clock: Clock,
        calls: TillCalls,
        limits: LookupLimits,
        pins: Pins,
        lookups: dict[str, int],
    ) -> None:
        self._desk = desk
        self._session = session
        self._clock = clock
        self._calls = calls
        self._limits = limits
        self._pins = pins
        self._lookups = lookups
        self._one_pin = anyio.CapacityLimiter(1)
        self._it_until_s: dict[str, float] = {}

    def routes(self) -> list[Route]:
        """Both are POST: one changes things, the other carries a PIN."""
        return [
            Route("/panel/act", self._act, methods=["POST"]),
            Route("/panel/it", self._it, methods=["POST"]),
        ]

    async def _act(self, request: Request) -> Response:
        session = self._session(request)
        check_panel_post(request.headers)
        done = cast("acts.Act", await read_json(request, cast("type[Any]", acts.Act)))
        if isinstance(done, acts.AnswerLimit | acts.LostCard | acts.Spend | acts.Train):
            done = await self._vouched(done)
        elif isinstance(done, acts.Join):
            # It tells whether a number is a customer's, as a look-up does.
            check_lookups(self._limits, session, self._clock, self._lookups)
        snapshot = await self._calls.run(lambda timeout_s: self._desk.panel_act(done, timeout_s=timeout_s))
        if isinstance(done, acts.Join):
            self._limits.of(session, self._clock.uptime_s()).answered(
                found=snapshot.screen is Screen.FOUND, now_s=self._clock.uptime_s()
            )
        return json_response(panel_view(snapshot))

    async def _vouched(self, done: Vouched) -> Vouched:
        """The PIN becomes a yes, or the request ends here; what the page says of a supervisor does not count."""
        if done.supervisor:
            raise DoorRefused(400, "invalid_request", "only a PIN says that a supervisor is there", field="supervisor")
        if not done.pin:
            return done
        await self._check_pin("supervisor", done.pin)
        return replace(done, pin="", supervisor=True)

    async def _it(self, request: Request) -> Response:
        session = self._session(request)
        check_panel_post(request.headers)
        asked = await read_json(request, PanelIt)
        now_s = self._clock.uptime_s()
        if asked.pin:
            await self._check_pin("it", asked.pin)
            self._it_until_s = {name: until for name, until in self._it_until_s.items() if until > now_s}
            if len(self._it_until_s) < SESSIONS_MAX:
                self._it_until_s[session] = now_s + IT_OPEN_S
        else:
            self.check_it(request)
        return json_response(self._seen())

    def check_it(self, request: Request) -> None:
        """Raises DoorRefused unless store IT's PIN has opened its page for this session."""
        if self._it_until_s.get(self._session(request), 0.0) <= self._clock.uptime_s():
            raise DoorRefused(403, "needs_pin", "store IT's PIN opens this")

    async def _check_pin(self, role: str, pin: str) -> None:
        verdict: PinVerdict = await anyio.to_thread.run_sync(self._pins.check, role, pin, limiter=self._one_pin)
        if verdict.is_right:
            return
        if not verdict.is_set:
            raise DoorRefused(409, "no_pin_set", f"nobody has set this PIN yet: tillpoint panel --set-pin {role}")
        if verdict.wait_s > 0:
            after = max(1, math.ceil(verdict.wait_s))
            raise DoorRefused(429, "pin_locked", f"ask again in {after} s", headers={"retry-after": str(after)})
        headers = {"x-tries-left": str(verdict.tries_left)}
        raise DoorRefused(403, "pin_wrong", f"not the PIN; {verdict.tries_left} more", headers=headers)

    def _seen(self) -> ItView:
        from importlib.metadata import version

        snapshot = panel_view(self._desk.snapshot)
        return ItView(
            version=version("tillpoint"),
            system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
            shop=snapshot.shop,
            till=snapshot.till,
            uptime_s=int(self._clock.uptime_s()),
            link=snapshot.link.value,
            link_detail=snapshot.link_detail,
            offline_since=snapshot.offline_since,
            waiting=snapshot.waiting,
            waiting_oldest_at=snapshot.waiting_oldest_at,
            shelved=snapshot.shelved,
            programme=snapshot.programme_title,
            programme_version=snapshot.programme_version,
            programme_trouble=snapshot.programme_trouble,
            may_join=snapshot.may_join,
            devices=snapshot.devices,
            counts=snapshot.counts,
            lookups=dict(self._lookups),
        )


def check_lookups(limits: LookupLimits, session: str, clock: Clock, counted: dict[str, int]) -> None:
    """Take one look-up of this session's, or raise DoorRefused saying how long to wait."""
    now_s = clock.uptime_s()
    wait_s = limits.of(session, now_s).ask(now_s)
    if wait_s > 0:
        counted["refused"] = counted.get("refused", 0) + 1
        after = max(1, math.ceil(wait_s))
        raise DoorRefused(429, "too_often", f"ask again in {after} s", headers={"retry-after": str(after)})
