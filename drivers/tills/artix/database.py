"""The cash server's MySQL, read only: which documents are closed, and the rows of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from drivers.tills.artix.documents import assemble, closed_at
from drivers.tills.artix.settings import ArtixSettings, CashServer
from drivers.tills.reports import ReportContext, Reported
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable
from drivers.vocabulary.events import Document

__all__ = ["CashServerLedger", "open_ledger"]

T = TypeVar("T")

TIMEOUT_S: Final = 10  # for connecting, and for each answer
_DOCUMENT: Final = (
    "SELECT d.documentid, d.cashcode, d.workshiftid, d.checknum, d.doctype, d.scode, d.time_beg, d.time_end, d.sume,"
    " d.sumcash, d.sumnoncash, d.sumother, d.linkeddocumentid, d.identifier, w.shiftnum"
    " FROM document d LEFT JOIN workshift w ON w.workshiftid = d.workshiftid"
)
_GOODS: Final = (
    "SELECT code, bcode, name, price, cquant, sume, minprice, opcode FROM goodsitem"
    " WHERE documentid = %s ORDER BY posnum, goodsitemid"
)
_MONEY: Final = "SELECT valcode, sume, discnumber FROM moneyitem WHERE documentid = %s ORDER BY moneyitemid"


def open_ledger(settings: ArtixSettings, context: ReportContext) -> CashServerLedger:
    """Connect; raises TransportUnavailable."""
    import pymysql
    from pymysql.cursors import DictCursor

    said = settings.ledger
    try:
        connection = pymysql.connect(
            host=said.host,
            port=said.port,
            user=said.user,
            password=said.password,
            database=said.database,
            charset="utf8mb4",
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            write_timeout=TIMEOUT_S,
            autocommit=True,
            cursorclass=DictCursor,
            init_command="SET SESSION TRANSACTION READ ONLY",
        )
    except (pymysql.err.Error, OSError) as error:
        raise TransportUnavailable(
            f"cannot open {said.database} at {said.host}:{said.port}: {_sentence(error)}", reason="refused"
        ) from None
    return CashServerLedger(connection, said, context, errors=(pymysql.err.Error, OSError))


class CashServerLedger:
    """One connection; see `drivers.tills.ledgers.Ledger`."""

    def __init__(
        self,
        connection: Any,
        settings: CashServer,
        context: ReportContext,
        *,
        errors: tuple[type[Exception], ...],
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._context = context
        self._errors = errors

    @property
    def counter(self) -> str:
        """As the contract says."""
        return f"{self._settings.host}:{self._settings.port}/{self._settings.database}"

    def last_before(self, moment: datetime | None) -> int:
        """As the contract says."""
        if moment is None:
            return 0
        local = moment.astimezone(self._context.zone).replace(tzinfo=None)
        rows = self._rows("SELECT MAX(documentid) AS last FROM document WHERE closed = 1 AND time_end < %s", local)
        return int(rows[0]["last"] or 0)

    def closed(self, after: int, missing: Sequence[tuple[int, int]], *, limit: int) -> list[Reported]:
        """As the contract says; documents of other tills are counted and never read."""
        places = ["d.documentid > %s", *("d.documentid BETWEEN %s AND %s" for _ in missing)]
        values = [after, *(bound for one in missing for bound in one), limit]
        query = f"{_DOCUMENT} WHERE d.closed = 1 AND ({' OR '.join(places)}) ORDER BY d.documentid LIMIT %s"
        return [self._reported(row) for row in self._rows(query, *values)]

    def _reported(self, row: dict[str, Any]) -> Reported:
        return Reported(
            counter=self.counter,
            number=int(row["documentid"]),
            closed_at=closed_at(row, self._context),
            read=partial(self._document, row),
        )

    def _document(self, row: dict[str, Any]) -> Document:
        settings = self._settings
        if settings.tills and str(row["cashcode"]) not in settings.tills:
            row = {**row, "doctype": None}
        linked = row["linkeddocumentid"]
        base = self._rows(f"{_DOCUMENT} WHERE d.documentid = %s", linked) if linked else []
        return assemble(
            row,
            self._rows(_GOODS, row["documentid"]),
            self._rows(_MONEY, row["documentid"]),
            base[0] if base else None,
            settings=settings,
            context=self._context,
        )

    def close(self) -> None:
        """As the contract says."""
        self._asking(self._connection.close)

    def _rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            with self._connection.cursor() as cursor:
                cursor.execute(query, values)
                return list(cursor.fetchall())

        found = self._asking(ask)
        return found if found is not None else []

    def _asking(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except self._errors as error:
            raise TransportClosed(f"the cash server at {self.counter} does not answer: {_sentence(error)}") from None


def _sentence(error: Exception) -> str:
    """What a MySQL error says, without its number."""
    return str(error.args[-1]) if error.args else type(error).__name__
