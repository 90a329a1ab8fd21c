"""How long to wait before a device is tried again: a pure function; nobody waits here."""

from __future__ import annotations

__all__ = ["DELAY_FIRST_S", "DELAY_MAX_S", "reconnect_delay_s"]

DELAY_FIRST_S = 0.25  # a plug that was only wiggled is back at once
DELAY_MAX_S = 5.0  # a cashier who plugs a scanner in again should not wait longer than a breath
_DOUBLINGS_MAX = 30  # keeps the power of two small after years of retries


def reconnect_delay_s(
    attempt: int,
    jitter: float,
    *,
    first_s: float = DELAY_FIRST_S,
    max_s: float = DELAY_MAX_S,
) -> float:
    """Seconds to wait before attempt number `attempt` + 1, doubling from `first_s` and never above `max_s`.

    Args:
        attempt: failures in a row so far; 0 means nothing failed, and nothing is waited for.
        jitter: 0 to 1; takes up to half of the delay away, so that devices of one hub do not move in step.
        first_s: the delay after the first failure.
        max_s: the longest delay.
    """
    if attempt <= 0:
        return 0.0
    full_s = min(max_s, first_s * 2.0 ** min(attempt - 1, _DOUBLINGS_MAX))
    return full_s * (1.0 - 0.5 * min(max(jitter, 0.0), 1.0))
