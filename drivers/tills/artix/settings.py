"""What a shop may say about its Artix."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.tills.priority.settings import PrioritySettings

__all__ = ["ArtixSettings", "CashServer"]

Word = Annotated[str, Meta(max_length=200)]


class CashServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[till_systems.settings.ledger]: the cash server's database, read and never written.

    Attributes:
        host: where its MySQL listens; "" reads none.
        database: the one with the tables document, goodsitem, moneyitem and workshift.
        user: an account that may SELECT and nothing else.
        poll_s: seconds between two looks.
        read_from: "now" counts what is closed from the first start on; "all" everything; a day ("2026-03-01") what
            was closed since it began.
        tills: which cash codes are counted here; () counts all.
        sale_types: values of document.doctype that are sales.
        return_types: and those that are returns.
        tenders: what its kinds of payment are, by moneyitem.valcode: ``{ "5" = "points" }``; 1 is cash, others cards.
    """

    host: Word = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 3306
    database: Word = "documentsAll"
    user: Word = "tillpoint"
    password: Word = ""
    poll_s: Annotated[float, Meta(ge=0.2, le=3600)] = 5.0
    read_from: Annotated[str, Meta(pattern=r"^(now|all|\d{4}-\d\d-\d\d)$")] = "now"
    tills: tuple[Annotated[str, Meta(max_length=40)], ...] = ()
    sale_types: tuple[int, ...] = (1,)
    return_types: tuple[int, ...] = (25,)
    tenders: dict[
        Annotated[str, Meta(max_length=40)],
        Literal["cash", "card", "points", "certificate", "prepaid", "credit", "other"],
    ] = {}

    def __repr__(self) -> str:
        return f"CashServer(host={self.host!r}, port={self.port!r}, database={self.database!r}, user={self.user!r})"


class ArtixSettings(PrioritySettings, frozen=True, kw_only=True):
    """The room's own table: what the Priority API needs, and where the cash server's database is.

    Attributes:
        ledger: the database in which the cash server keeps closed documents.
    """

    ledger: CashServer = CashServer()
