"""Answers till systems in their own protocols: carries whole requests to a room's door and its answers back.

A door is answered under ``/tills/<name>`` of the local API's port, and at the root of a port of its own where the
settings say so: for a POS that cannot be told a path, or that stands elsewhere in the shop's network. Nothing but that
door is behind such a port, and no page of a browser may call it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clock import Clock
from agent.doors.bodies import read_body
from agent.doors.calls import TillCalls
from agent.doors.problems import DoorRefused
from agent.till_systems import OpenDoor
from drivers.tills.contract import HttpReply, HttpRequest
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import DeviceState, DeviceStateChanged

__all__ = ["PLACES", "TillDoors"]

log = logging.getLogger(__name__)

PLACES: Final = 4  # a POS asks one thing at a time; a second one and a retry of each may overlap
METHODS: Final = ["GET", "POST", "PUT", "DELETE"]


class TillDoors:
    """The doors of all till systems, as routes.

    Args:
        emit: told when a POS is first heard, and when what it sends cannot be used.
        answer_timeout_s: how long all that one answer needs of the till may take.
    """

    def __init__(
        self,
        doors: Sequence[OpenDoor],
        *,
        clock: Clock,
        emit: Callable[[DeviceStateChanged], object],
        answer_timeout_s: float,
    ) -> None:
        self._doors = tuple(doors)
        self._clock = clock
        self._emit = emit
        self._timeout_s = answer_timeout_s
        self._told: dict[str, str | None] = {}

    @property
    def ports(self) -> Mapping[int, str]:
        """Ports of one door each, and whose they are."""
        return {one.port: one.name for one in self._doors if one.port}

    def routes(self) -> list[Route]:
        """Under /tills/<name>, for the local API's port."""
        return [
            Route(path, self._endpoint(one), methods=METHODS)
            for one in self._doors
            for path in (f"/tills/{one.name}", f"/tills/{one.name}/{{rest:path}}")
        ]

    def routes_alone(self, name: str) -> list[Route]:
        """At the root, for a port of this door's own."""
        one = next(each for each in self._doors if each.name == name)
        return [Route("/{rest:path}", self._endpoint(one), methods=METHODS)]

    def _endpoint(self, one: OpenDoor) -> Callable[[Request], Any]:
        calls = TillCalls(places=PLACES, timeout_s=self._timeout_s)

        async def endpoint(request: Request) -> Response:
            if "origin" in request.headers:
                raise DoorRefused(403, "foreign_origin", "a till's own protocol is not for pages of a browser")
            rest = request.path_params.get("rest", "")
            asked = HttpRequest(
                method=request.method,
                path="/" + rest,
                root=request.url.path.removesuffix("/" + rest),
                query=dict(request.query_params),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await read_body(request),
            )

            def answer(timeout_s: float) -> HttpReply:
                try:
                    reply = one.door.answer(asked, one.checkout, now=self._clock.now(), timeout_s=timeout_s)
                    return _kept(one, reply, timeout_s) if reply.reported else reply
                except Exception:
                    log.exception("till_system.fault name=%s path=%s", one.name, asked.path)
                    return one.door.unavailable("the agent failed here and its log says why; the sale goes on")

            try:
                reply = await calls.run(answer)
            except DoorRefused as refused:  # the till did not answer in time
                reply = one.door.unavailable(refused.problem.message)
            self._tell(one.name, reply.trouble)
            return Response(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)

        return endpoint

    def _tell(self, name: str, trouble: str) -> None:
        """The panel's state of this POS, when it changes."""
        if self._told.get(name) == trouble:
            return
        self._told[name] = trouble
        if trouble:
            log.warning("till_system.trouble name=%s reason=%s", name, trouble)
        state = DeviceState.FAILED if trouble else DeviceState.ON
        self._emit(DeviceStateChanged(device=name, state=state, detail=trouble))


def _kept(one: OpenDoor, reply: HttpReply, timeout_s: float) -> HttpReply:
    """The answer, now that what was told is on the disk; another one when it is not."""
    if one.keep is None:
        return one.door.unavailable("closed documents are not taken here")
    try:
        one.keep(reply.reported, timeout_s)
    except CheckoutRefused as refused:
        log.warning("till_system.unkept name=%s reason=%s", one.name, refused)
        return reply.unkept or one.door.unavailable(str(refused))
    return reply
