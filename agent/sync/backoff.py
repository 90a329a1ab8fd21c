"""How long to wait before the next try: a pure function, and tenacity to carry it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.sync.errors import CentreUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

__all__ = ["BASE_S", "CAP_S", "RETRY_AFTER_MAX_S", "delay_s", "retrying"]

BASE_S: Final = 1.0  # the widest first wait: a blip on the line is over by then
CAP_S: Final = 60.0  # the widest wait: a shop whose line is back is not left waiting longer than a minute
RETRY_AFTER_MAX_S: Final = 3_600.0  # a centre that asks for more than an hour is mistaken
DOUBLINGS_MAX: Final = 16  # past the cap anyway; keeps the power small after a week of tries


def delay_s(attempt: int, *, jitter: float, retry_after_s: float | None = None) -> float:
    """Seconds before try `attempt` + 1.

    Full jitter: anywhere between 0 and a window that doubles up to CAP_S, so that ten thousand tills that lost the
    centre at one moment do not come back at one moment. A wish of the centre (Retry-After) is kept, with the jitter
    added behind it for the same reason.

    Args:
        attempt: how many tries have failed, from 1.
        jitter: from 0 (inclusive) to 1; the caller's randomness.
        retry_after_s: what the centre asked for, or None.

    Raises:
        ValueError: `attempt` or `jitter` is out of range.
    """
    if attempt < 1:
        raise ValueError(f"attempts are counted from 1, not {attempt}")
    if not 0 <= jitter <= 1:
        raise ValueError(f"jitter is from 0 to 1, not {jitter}")
    window: float = min(CAP_S, BASE_S * 2 ** min(attempt - 1, DOUBLINGS_MAX))
    asked = 0.0 if retry_after_s is None else min(max(retry_after_s, 0.0), RETRY_AFTER_MAX_S)
    return asked + jitter * window


def retrying(
    *,
    pause: Callable[[float], None],
    random: Callable[[], float],
    stop: threading.Event,
    failed: Callable[[CentreUnavailable], None],
) -> Retrying:
    """Tries again while the centre is unavailable, until it answers or `stop` is set; then the last error is raised.

    Args:
        pause: waits that many seconds, or less when there is a reason to try now.
        random: jitter from 0 to 1.
        stop: ends the tries.
        failed: told of each failure, before the pause.
    """
    # 30 ms; a till without a centre never pays for it.
    from tenacity import Retrying, retry_if_exception_type, stop_when_event_set

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        wish = error.retry_after_s if isinstance(error, CentreUnavailable) else None
        return delay_s(state.attempt_number, jitter=random(), retry_after_s=wish)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, CentreUnavailable):
            failed(error)

    return Retrying(
        sleep=pause,
        wait=wait,
        stop=stop_when_event_set(stop),
        retry=retry_if_exception_type(CentreUnavailable),
        before_sleep=tell,
        reraise=True,
    )
