"""Rings and gates, without a database: who is where, what opens, what stops; and which release a till may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.releases.choosing import Archive, Candidate, Held, choose
from central.releases.rings import GateView, ReleaseState, Ring, Verdict, judge, ring_of
from drivers.vocabulary.release import Certificate, SignedRelease
from drivers.vocabulary.signed import Signature
from drivers.vocabulary.updates import UpdateCheck, UpdateState

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def ring(name: str, place: int = 1, *, share: int = 0, healthy: int = 2, failures: int = 1) -> Ring:
    return Ring(
        name=name, place=place, share=share, healthy_min=healthy, soak=timedelta(hours=1), failures_max=failures
    )


RINGS = (ring("pilot", 1, share=500), ring("early", 2, share=2_000), ring("all", 3))


def test_a_till_goes_before_its_shop_and_its_shop_before_its_share() -> None:
    """What a person said of the till counts most."""
    tills, shops = {"t1": "all"}, {"s1": "pilot"}

    assert "all" == ring_of("t1", "s1", rings=RINGS, tills=tills, shops=shops).name  # type: ignore[union-attr]
    assert "pilot" == ring_of("t2", "s1", rings=RINGS, tills=tills, shops=shops).name  # type: ignore[union-attr]
    assert ring_of("t2", "s1", rings=(), tills=tills, shops=shops) is None


def test_shares_are_kept_within_a_percent_and_a_half() -> None:
    """Of ten thousand tills, by their names alone."""
    names = [ring_of(f"till-{n}", "s", rings=RINGS, tills={}, shops={}) for n in range(10_000)]
    counted = {one.name: sum(name is one for name in names) for one in RINGS}

    assert 500 == pytest.approx(counted["pilot"], abs=150)
    assert 2_000 == pytest.approx(counted["early"], abs=150)


@given(st.text(min_size=1, max_size=20), st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_larger_share_takes_nobody_out_of_the_ring(till: str, less: int, more: int) -> None:
    """Who was early stays early."""
    small, large = sorted((less, more))
    before = ring_of(till, "s", rings=(ring("a", share=small), ring("b", 2)), tills={}, shops={})
    after = ring_of(till, "s", rings=(ring("a", share=large), ring("b", 2)), tills={}, shops={})

    assert before is not None
    assert after is not None
    assert not (before.name == "a" and after.name == "b")


def seen(opened: bool, proven: int = 0, failures: int = 0) -> GateView:
    return GateView(opened_at=NOON if opened else None, proven=proven, failures=failures)


@pytest.mark.parametrize(
    ("views", "verdict"),
    [
        ({"pilot": seen(True, proven=1)}, Verdict()),
        ({"pilot": seen(True, proven=2)}, Verdict(opens="early")),
        ({"pilot": seen(True, proven=2, failures=1)}, Verdict(opens="early")),
        ({"pilot": seen(True, proven=9), "early": seen(True, proven=1)}, Verdict()),
        ({"pilot": seen(True, proven=9), "early": seen(True, proven=2)}, Verdict(opens="all")),
        ({"pilot": seen(True, proven=9), "early": seen(True, proven=2), "all": seen(True, proven=9)}, Verdict()),
        # Nobody began: nothing opens by itself.
        ({}, Verdict()),
        # A ring that came in front of an open one, or between two.
        ({"early": seen(True)}, Verdict(opens="pilot")),
        ({"pilot": seen(True), "all": seen(True)}, Verdict(opens="early")),
    ],
)
def test_a_gate_opens_when_enough_were_well_for_long_enough(views: dict[str, GateView], verdict: Verdict) -> None:
    """One ring after the other."""
    assert verdict == judge(RINGS, views)


def test_one_failure_too_many_stops_it_whatever_else_is_well() -> None:
    """Also in a ring that is far behind, and also when the gate would open."""
    assert judge(RINGS, {"pilot": seen(True, proven=9, failures=2)}).stop.startswith("2 tills of ring pilot")
    assert judge(RINGS, {"pilot": seen(True, proven=9), "all": seen(False, failures=2)}).stop


def candidate(version: str, **more: object) -> Candidate:
    nothing = Signature(algorithm="ed25519", key="", signature="")
    values: dict[str, object] = {
        "channel": "stable",
        "oldest_from": "",
        "state": ReleaseState.ROLLING,
        "signed": SignedRelease(
            manifest="", certificate=Certificate(statement="", signature=nothing), signature=nothing
        ),
        "rings": frozenset({"pilot"}),
        "archives": {"linux": Archive(sha256="0" * 64, size=1, schema=3, readable_from=2)},
    }
    return Candidate(version=version, **{**values, **more})  # type: ignore[arg-type]


def chosen(*candidates: Candidate, held: Held | None = None, failed: tuple[str, ...] = (), **said: object) -> str:
    check = UpdateCheck(**{"version": "1.0.0", "platform": "linux", "schema": 2, **said})  # type: ignore[arg-type]
    found = choose(candidates, check, ring="pilot", held=held or Held(), failed=failed)
    return found.version if found is not None else ""


def test_the_newest_that_fits_is_chosen() -> None:
    """By the order of versions, not of text."""
    assert "1.10.0" == chosen(candidate("1.9.0"), candidate("1.10.0"), candidate("1.10.0rc1"))


@pytest.mark.parametrize(
    "one",
    [
        candidate("1.0.0"),
        candidate("0.9.0"),
        candidate("1.1.0", state=ReleaseState.STOPPED),
        candidate("1.1.0", state=ReleaseState.WAITING),
        candidate("1.1.0", state=ReleaseState.WITHDRAWN),
        candidate("1.1.0", rings=frozenset({"early"})),
        candidate("1.1.0", channel="beta"),
        candidate("1.1.0", archives={}),
        candidate("1.1.0", oldest_from="1.0.1"),
        candidate("1.1.0", archives={"linux": Archive(sha256="", size=1, schema=1, readable_from=1)}),
        candidate("1.1.0", archives={"linux": Archive(sha256="", size=1, schema=4, readable_from=3)}),
    ],
    ids=lambda one: f"{one.version}-{one.state.value}",
)
def test_what_does_not_fit_is_not_given(one: Candidate) -> None:
    """The same or older, stopped, another ring's or channel's, for another platform, too far a step."""
    assert "" == chosen(one)


def test_a_till_that_is_too_old_for_the_newest_gets_the_one_on_the_way() -> None:
    """oldest_from is a step on a ladder."""
    assert "1.5.0" == chosen(candidate("2.0.0", oldest_from="1.5.0"), candidate("1.5.0"))


def test_what_was_tried_in_vain_is_not_given_again() -> None:
    """The next one is."""
    assert "1.1.0" == chosen(candidate("1.1.0"), candidate("1.2.0"), failed=("1.2.0",))


def test_a_pin_goes_before_rings_and_stops_but_not_before_a_withdrawal() -> None:
    """And holds everything else away."""
    stopped = candidate("1.1.0", state=ReleaseState.STOPPED, rings=frozenset())
    gone = candidate("1.1.0", state=ReleaseState.WITHDRAWN)
    pinned = Held(pinned="1.1.0")

    assert "1.1.0" == chosen(stopped, candidate("1.2.0"), held=pinned)
    assert "" == chosen(gone, candidate("1.2.0"), held=pinned)
    assert "" == chosen(candidate("1.2.0"), held=Held(is_off=True))
    assert "" == chosen(candidate("1.2.0"), state=UpdateState.PINNED)
    assert "" == chosen(candidate("1.2.0"), version="from a working copy")
