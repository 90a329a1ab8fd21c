"""How long a property is tried: a moment in the plain tests, thoroughly in the soak; no property lives here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

__all__ = ["prove"]

SOAK_EXAMPLES: Final = 2_000  # the least that the design asks of every property


def prove(*strategies: Any, examples: int = 80) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a Hypothesis test of a property, run with few examples and, marked `soak`, with at least 2 000."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        lengths = [pytest.param(examples, id="plain"), pytest.param(SOAK_EXAMPLES, marks=pytest.mark.soak, id="soak")]

        @pytest.mark.parametrize("examples", lengths)
        def test(examples: int) -> None:
            limits = settings(
                deadline=None,
                max_examples=examples,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            )
            limits(given(*strategies)(function))()

        test.__name__ = test.__qualname__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        return test

    return decorate
