"""The pages of releases, rings and the fleet as HTML, made of what was counted; asks nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Row

from central.operator.markup import Markup, button, cell, link, page, table, tag
from central.releases.fleet import TROUBLES, FleetTill, FleetView, Wanted
from central.releases.progress import STATES, ReleaseProgress, RingProgress
from central.releases.rings import FAILURES, ReleaseState
from central.words import gigabytes, span

__all__ = ["fleet_page", "releases_page"]

BAD: Final = 100  # a trouble of this weight is red, a lesser one amber
FAILURES_SHOWN: Final = 20

#: What a person may do with a release in each state: (act, words of the button, whether a reason is asked for).
_ACTS: Final = {
    ReleaseState.WAITING.value: (("start", "Start", False), ("withdraw", "Withdraw", True)),
    ReleaseState.ROLLING.value: (("stop", "Stop", True), ("withdraw", "Withdraw", True)),
    ReleaseState.STOPPED.value: (("resume", "Go on", False), ("withdraw", "Withdraw", True)),
    ReleaseState.WITHDRAWN.value: (),
}


def releases_page(found: Sequence[ReleaseProgress], acts: Sequence[Row[Any]], *, form_key: str) -> Markup:
    """Every release with its rings, what may be done with it, and what was done."""
    parts: list[Markup] = [part for one in found for part in _release(one, form_key)]
    if not found:
        words = "No release yet: tillpoint central release add VERSION.release.json ARCHIVE.zip"
        parts.append(tag("p", words, class_="none"))
    done = [(_moment(row.at), row.action, row.version, row.target, row.by, row.note) for row in acts]
    parts.append(tag("h2", "Done by people and gates"))
    parts.append(table(("when", "what", "version", "target", "by", "why"), done, none="Nothing yet."))
    return page("Releases", *parts, form_key=form_key)


def _release(one: ReleaseProgress, form_key: str) -> list[Markup]:
    state = tag("span", one.state, class_=_colour(one.state))
    platforms = ", ".join(f"{name} ({size / (1 << 20):.1f} MB)" for name, size in sorted(one.platforms.items()))
    parts = [
        tag("h2", f"{one.version} ", state),
        tag("p", f"{one.channel}; {platforms}; added {_moment(one.added_at)}. {one.notes}"),
    ]
    if one.reason:
        parts.append(tag("p", one.reason, class_="bad" if one.state == ReleaseState.STOPPED.value else "none"))
    heads = ("ring", "", "tills", *STATES, "open since", "gate", "")
    parts.append(table(heads, [_ring(one, ring, form_key) for ring in one.rings], none="There are no rings."))
    failed = [
        (
            link(f"/operator/fleet?{urlencode({'text': each.till})}", each.till),
            each.ring,
            each.outcome,
            _moment(each.at),
            each.reason,
        )
        for each in one.failures[:FAILURES_SHOWN]
    ]
    if failed:
        parts.append(table(("till", "ring", "became", "when", "why"), failed, none=""))
    left_out = len(one.failures) - FAILURES_SHOWN
    if left_out > 0:
        parts.append(tag("p", f"{left_out} more failed: tillpoint central release show {one.version}", class_="none"))
    acts = [_act(one.version, act, words, form_key, asks=asks) for act, words, asks in _ACTS[one.state]]
    parts.append(tag("p", *acts, class_="acts"))
    return parts


def _ring(one: ReleaseProgress, ring: RingProgress, form_key: str) -> tuple[object, ...]:
    opened: Markup | str = "" if ring.opened_at is None else _moment(ring.opened_at)
    act: Markup | str = ""
    if one.state == ReleaseState.ROLLING.value and ring.opened_at is None:
        hidden = {"version": one.version, "act": "open", "ring": ring.ring}
        act = button("/operator/releases", "Open now", form_key, **hidden)
    counts = [
        tag("span", ring.counts[state], class_="bad")
        if state == "failed" and ring.counts[state]
        else ring.counts[state]
        for state in STATES
    ]
    runs = ring.counts["healthy"] + ring.counts["newer"]
    bar = Markup(f'<progress value="{runs}" max="{max(1, ring.tills)}">{runs}</progress>')
    return (ring.ring, bar, ring.tills, *(count or "" for count in counts), opened, ring.gate, act)


def _act(version: str, act: str, words: str, form_key: str, *, asks: bool) -> Markup:
    """A form of one button, with a line for the reason where one is wanted."""
    if not asks:
        return button("/operator/releases", words, form_key, version=version, act=act)
    hidden = {"key": form_key, "version": version, "act": act}
    inputs = [
        Markup(f'<input type="hidden" name="{cell(name)}" value="{cell(value)}">') for name, value in hidden.items()
    ]
    why = Markup(f'<input name="why" required maxlength="300" placeholder="why" aria-label="why: {cell(words)}">')
    return tag("form", *inputs, why, tag("button", words), method="post", action="/operator/releases")


def fleet_page(view: FleetView, wanted: Wanted, *, form_key: str) -> Markup:
    """Every till, the worst first, with links that choose among them."""
    heads = (
        "till",
        "shop",
        "trouble",
        "seen",
        "version",
        "ring",
        "waits",
        "oldest",
        "disk",
        "clock",
        "what is wrong, and its updates",
    )
    rows = [_till(one) for one in view.tills]
    left_out = f"{view.count - len(view.tills)} more are not shown." if view.count > len(view.tills) else ""
    words = f"{view.count} of {view.whole} tills"
    return page(
        "Fleet",
        _choices("trouble", view.by_trouble, wanted),
        _choices("version", view.by_version, wanted),
        _choices("ring", view.by_ring, wanted),
        _search(wanted),
        tag("p", words, " ", link("/operator/fleet", "all") if _query(wanted) else ""),
        tag("div", table(heads, rows, none="No till is like that."), class_="fleet"),
        tag("p", left_out, class_="none"),
        form_key=form_key,
    )


def _till(one: FleetTill) -> tuple[object, ...]:
    worst = max((TROUBLES[kind][0] for kind in one.troubles), default=0)
    troubles = ", ".join(one.troubles)
    shown = tag("span", troubles, class_="bad" if worst >= BAD else "warn") if troubles else ""
    says = [tag("span", each.words or each.code, class_="bad") for each in one.warnings]
    says += [tag("span", f"{each.name}: {each.words or each.state}", class_="bad") for each in one.devices]
    return (
        one.till,
        link(f"/operator/fleet?{urlencode({'shop': one.shop})}", one.shop),
        shown,
        tag("span", "never", class_="bad") if one.seen_s is None else f"{span(one.seen_s)} ago",
        one.version,
        one.ring,
        "" if one.queue_depth is None else one.queue_depth,
        "" if one.oldest_unsent_s is None else span(one.oldest_unsent_s),
        "" if one.disk_free_bytes is None else gigabytes(one.disk_free_bytes),
        "" if one.clock_offset_s is None else f"{one.clock_offset_s:+d} s",
        Markup("<br>".join(part for part in (*says, cell(_update(one))) if part)),
    )


def _update(one: FleetTill) -> Markup | str:
    words = []
    if one.outcome in FAILURES:
        words.append(f"{one.outcome.replace('_', ' ')} {one.tried}: {one.reason}")
    if one.state == "trying":
        words.append("tries a version")
    if one.staged:
        words.append(f"{one.staged} lies ready")
    elif one.offered:
        words.append(f"was offered {one.offered}")
    if one.pinned:
        words.append(f"pinned to {one.pinned}")
    if one.is_off:
        words.append("off")
    return tag("span", "; ".join(words), class_="bad") if one.outcome in FAILURES else "; ".join(words)


def _choices(name: str, counted: Mapping[str, int], wanted: Wanted) -> Markup:
    """One line of links: each value with how many tills have it."""
    if not counted:
        return Markup("")
    links: list[object] = [f"{name}: "]
    for value, count in counted.items():
        words = f"{value} {count}"
        if getattr(wanted, name) == value:
            links.append(tag("strong", words))
        else:
            links.append(link(f"/operator/fleet?{_query(wanted, **{name: value})}", words))
        links.append(" ")
    return tag("p", *links, class_="choices")


def _search(wanted: Wanted) -> Markup:
    return Markup(
        '<form action="/operator/fleet"><input type="search" name="text" maxlength="80" aria-label="till or shop"'
        f' placeholder="till or shop" value="{cell(wanted.text)}"><button>Show</button></form>'
    )


def _query(wanted: Wanted, **changed: str) -> str:
    names = ("shop", "ring", "version", "trouble", "text")
    values = {name: changed.get(name, getattr(wanted, name)) for name in names}
    return urlencode({name: value for name, value in values.items() if value})


def _colour(state: str) -> str:
    return {"stopped": "bad", "rolling": "good", "waiting": "warn"}.get(state, "none")


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
