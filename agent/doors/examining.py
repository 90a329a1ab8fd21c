"""The doctor on store IT's page, over HTTP: every hop with its verdict and its next step, and the bundle for support.

Examining waits for networks, so it has a thread of its own: neither the till thread nor the event loop waits with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clock import Clock
from agent.doctor.report import Report
from agent.doors.api import json_response
from agent.doors.bodies import read_json
from agent.doors.gate import check_panel_post
from agent.doors.problems import DoorRefused
from agent.snapshot import TillDesk

__all__ = ["Doctor", "Examining"]

T = TypeVar("T")

EXAMINE_S_MAX: Final = 60.0  # a line that swallows everything ends each hop of the doctor much earlier


class Doctor(Protocol):
    """Who examines; see `agent.doctor.inside.AgentDoctor`. Both may block for many seconds."""

    def examine(self) -> Report:
        """Every hop, in the order of the way from the devices to the centre."""
        ...

    def bundle(self) -> bytes:
        """A ZIP for support; names nobody."""
        ...


class PanelExamine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /panel/it/doctor`` and ``POST /panel/it/bundle``: an empty object."""


class Examining:
    """The routes /panel/it/doctor and /panel/it/bundle; used on the event loop.

    Args:
        check_it: raises DoorRefused unless the PIN has opened store IT's page for the request's session.
        doctor: None where nobody examines.
    """

    def __init__(
        self, desk: TillDesk, *, check_it: Callable[[Request], None], clock: Clock, doctor: Doctor | None
    ) -> None:
        self._desk = desk
        self._check_it = check_it
        self._clock = clock
        self._doctor = doctor
        self._one = anyio.CapacityLimiter(1)

    def routes(self) -> list[Route]:
        """Both are POST: they cost time, and the PIN's session has to stand behind them."""
        return [
            Route("/panel/it/doctor", self._examine, methods=["POST"]),
            Route("/panel/it/bundle", self._bundle, methods=["POST"]),
        ]

    async def _examine(self, request: Request) -> Response:
        doctor = await self._asked(request)
        return json_response(await self._on_a_thread(doctor.examine))

    async def _bundle(self, request: Request) -> Response:
        doctor = await self._asked(request)
        body = await self._on_a_thread(doctor.bundle)
        headers = {"content-disposition": f'attachment; filename="{self._file_name()}"'}
        return Response(body, media_type="application/zip", headers=headers)

    async def _asked(self, request: Request) -> Doctor:
        self._check_it(request)
        check_panel_post(request.headers)
        await read_json(request, PanelExamine)
        if self._doctor is None:
            raise DoorRefused(503, "no_doctor", "nobody examines here; run `tillpoint doctor`")
        return self._doctor

    async def _on_a_thread(self, work: Callable[[], T]) -> T:
        try:
            with anyio.fail_after(EXAMINE_S_MAX):
                return await anyio.to_thread.run_sync(work, limiter=self._one, abandon_on_cancel=True)
        except TimeoutError:
            sentence = f"no end of it within {EXAMINE_S_MAX:g} s; run `tillpoint doctor`"
            raise DoorRefused(503, "timeout", sentence) from None

    def _file_name(self) -> str:
        """``tillpoint-17-2-20260302-1405.zip``: shop, till, when."""
        snapshot = self._desk.snapshot
        words: tuple[Any, ...] = ("tillpoint", snapshot.shop, snapshot.till, f"{self._clock.now():%Y%m%d-%H%M}")
        return "-".join(re.sub(r"[^0-9A-Za-z]+", "-", word).strip("-") for word in words if word) + ".zip"
