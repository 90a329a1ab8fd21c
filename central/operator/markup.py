"""HTML by hand: everything is escaped unless it was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["Markup", "button", "cell", "link", "page", "table", "tag"]

NAVIGATION: Final = (
    ("/operator", "Tills"),
    ("/operator/fleet", "Fleet"),
    ("/operator/releases", "Releases"),
    ("/operator/enrolment", "Enrolment"),
    ("/operator/refused", "Refused"),
    ("/operator/overspend", "Overspend"),
    ("/operator/search", "Search"),
)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def cell(value: object) -> Markup:
    """Anything as HTML; nothing is an empty cell."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape("" if value is None else str(value), quote=True))


def tag(name: str, *parts: object, **attributes: str) -> Markup:
    """An element; an attribute named ``class_`` or ``for_`` loses its underscore."""
    words = "".join(f' {key.rstrip("_")}="{cell(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{words}>{''.join(map(cell, parts))}</{name}>")


def link(address: str, words: object) -> Markup:
    """An address of ours."""
    return tag("a", words, href=address)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, none: str) -> Markup:
    """A table, or a sentence when there are no rows."""
    body = [tag("tr", *(tag("td", value) for value in row)) for row in rows]
    if not body:
        return tag("p", none, class_="none")
    return tag("table", tag("thead", tag("tr", *(tag("th", head) for head in heads))), tag("tbody", *body))


def button(action: str, words: str, form_key: str, **fields: object) -> Markup:
    """A form of one button: what changes something is never a link."""
    hidden = {"key": form_key, **fields}
    inputs = [
        Markup(f'<input type="hidden" name="{cell(name)}" value="{cell(value)}">') for name, value in hidden.items()
    ]
    return tag("form", *inputs, tag("button", words), method="post", action=action)


def page(title: str, *parts: object, form_key: str = "", search: str = "") -> Markup:
    """A whole page; without a form key nobody is logged in, so there is nowhere to go."""
    top = ""
    if form_key:
        find = Markup(
            '<form action="/operator/search"><input type="search" name="q" aria-label="search" maxlength="100"'
            f' placeholder="customer, mask, receipt, claim code" value="{cell(search)}"><button>Find</button></form>'
        )
        here = tag("nav", *(link(address, words) for address, words in NAVIGATION))
        top = tag("header", here, find, button("/operator/logout", "Log out", form_key))
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{cell(title)} · Tillpoint</title><link rel="stylesheet" href="/operator/style.css">'
    )
    main = tag("main", tag("h1", title), *parts)
    return Markup(f'<!doctype html><html lang="en"><head>{head}</head><body>{top}{main}</body></html>')
