"""Answers of the central server that no till branches on; the others are in `drivers.vocabulary.centre`."""

from __future__ import annotations

from msgspec import Struct

from drivers.vocabulary.receipt import AwareTime

__all__ = ["Health"]


class Health(Struct, frozen=True, kw_only=True):
    """``GET /v1/health``: the database answers; `feed` is how far the feed is."""

    status: str
    feed: int
    server_time: AwareTime
