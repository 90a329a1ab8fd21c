"""A cash server as Artix keeps one: a real MariaDB with its four tables, and an account that may only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mariadb import MariaDB, missing

SCHEMA = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
PASSWORD = "only-reads"


class CashServer:
    """What the tills of a shop put into their database."""

    def __init__(self, server: MariaDB, name: str) -> None:
        self.server = server
        self.name = name
        server.run(
            f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
            f"GRANT SELECT ON {name}.* TO 'reader'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        )
        self.do(*(one for one in SCHEMA.split(";") if one.strip()))
        self.do("INSERT INTO workshift VALUES (7, '1', 's1', 45, '2026-03-02 08:00:00', NULL)")

    def do(self, *statements: str) -> None:
        self.server.run(*statements, database=self.name)

    def table(self) -> dict[str, object]:
        """The settings that read it."""
        return {
            "host": "127.0.0.1", "port": self.server.port, "database": self.name, "user": "reader",
            "password": PASSWORD, "poll_s": 0.2,
        }  # fmt: skip

    def begin(
        self,
        number: int,
        *,
        at: str = "2026-03-02 12:00:00",
        till: str = "1",
        doctype: int = 1,
        linked: int | None = None,
        identifier: str = "",
    ) -> None:
        """Somebody begins a receipt."""
        self.do(
            "INSERT INTO document (documentid, cashcode, workshiftid, checknum, doctype, scode, time_beg, closed,"
            f" linkeddocumentid, identifier) VALUES ({number}, '{till}', 7, {number + 100}, {doctype}, '3', '{at}', 0,"
            f" {linked or 'NULL'}, '{identifier}')"
        )

    def line(
        self,
        number: int,
        *,
        code: str = "1001",
        price: str = "40.00",
        quantity: str = "10",
        total: str = "400.00",
        opcode: int = 50,
    ) -> None:
        self.do(
            "INSERT INTO goodsitem (documentid, code, bcode, name, price, cquant, sumb, sume, opcode, posnum) VALUES"
            f" ({number}, '{code}', '', 'Кофе', {price}, {quantity}, {total}, {total}, {opcode}, 1)"
        )

    def pay(self, number: int, amount: str, *, code: str = "1", card: str = "") -> None:
        self.do(
            "INSERT INTO moneyitem (documentid, valcode, valutoperation, sumb, sume, discnumber) VALUES"
            f" ({number}, '{code}', 1, {amount}, {amount}, {repr(card) if card else 'NULL'})"
        )

    def finish(self, number: int, total: str, *, at: str = "2026-03-02 12:01:00", cash: str = "") -> None:
        """It is closed."""
        self.do(
            f"UPDATE document SET closed = 1, time_end = '{at}', sumb = {total}, sume = {total}, sumcash = {cash or total}"
            f" WHERE documentid = {number}"
        )

    def sell(
        self, number: int, total: str = "400.00", *, card: str = "", at: str = "2026-03-02 12:01:00", till: str = "1"
    ) -> None:
        """One closed sale of coffee, in cash."""
        self.begin(number, till=till)
        self.line(number, total=total)
        self.pay(number, total, card=card)
        self.finish(number, total, at=at)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    if why := missing():
        pytest.skip(why)
    server = MariaDB()
    yield server
    server.close()


@pytest.fixture
def cash_server(mariadb: MariaDB, request: pytest.FixtureRequest) -> CashServer:
    number = abs(hash(request.node.nodeid)) % 10**9
    return CashServer(mariadb, f"documents{number}")
