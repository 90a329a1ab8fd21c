"""The page of who may become a till and who is none any more, as HTML; asks nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from central.enrol_secrets import state_of
from central.operator.markup import Markup, button, page, table, tag

__all__ = ["enrolment_page"]


def enrolment_page(
    secrets: Sequence[Row[Any]], left: Sequence[Row[Any]], *, count: int, now: datetime, form_key: str
) -> Markup:
    """Stores' secrets with what became of them, and tills that left.

    Args:
        secrets: the newest first.
        left: tills, the last one first; `note` says what the centre lacks of each.
        count: how many secrets there are, shown or not.
        now: the centre's clock.
        form_key: of the session.
    """
    heads = ("secret", "shop", "tills", "an hour", "may replace", "state", "refused", "why last", "")
    rows = [
        (
            row.id,
            row.shop,
            row.used if row.tills_max is None else f"{row.used} of {row.tills_max}",
            row.hour_max,
            "yes" if row.may_replace else "",
            state_of(row, now),
            tag("span", row.refused, class_="warn") if row.refused else "",
            row.refused_why,
            button("/operator/enrolment", "Revoke", form_key, secret=row.id) if row.revoked_at is None else "",
        )
        for row in secrets
    ]
    gone = [(row.id, row.shop, f"{row.left_at:%Y-%m-%d %H:%M} UTC", row.machine_before, row.note) for row in left]
    left_out = f"{count - len(rows)} older ones are not shown." if count > len(rows) else ""
    return page(
        "Enrolment",
        tag("p", "With a store's secret machines enrol themselves. Revoked, it opens nothing more; its tills stay."),
        table(heads, rows, none="No secrets: tillpoint central enrol-secret new --shop SHOP makes one."),
        tag("p", left_out, class_="none"),
        tag("h2", "Tills that left"),
        table(("till", "shop", "left", "machine", "what is here of it"), gone, none="None."),
        form_key=form_key,
    )
