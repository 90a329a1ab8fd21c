"""Measures how fast a long file of members is loaded, at its beginning and at its end; asserts nothing.

Run ``python tests/bench_members.py [members] [folder] [sqlite|postgresql]``. Each member has a phone and a card. The
indexes of phones and cards are hit at random places, so a load that keeps too little of them in memory falls off a
cliff: the rate of each tenth of the file is shown. Every sync is kept, as on a real server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from central.database import open_database
from central.member_load import FileLoad, load_file
from tests.postgresql import PostgreSQL, missing

MEMBERS = 200_000
PARTS = 10


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_file(path: Path, members: int) -> None:
    """Invented people whose numbers come in no order."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,phone,card,points\n")
        for number in range(members):
            phone = 9_000_000_000 + number * 7_368_787 % 999_999_937
            file.write(f"m{number:07d},Anna Testova {number},+7{phone},{2_000_000_000 + number},{number % 500}\n")


def load(url: str, file: Path, members: int) -> None:
    """In a process of its own, so that its memory is its own: one line of JSON for each part of the file."""
    import resource

    database = open_database(url)
    began, used, done, slowest, chunk_began = time.perf_counter(), time.process_time(), 0, 0.0, time.perf_counter()

    def progress(state: FileLoad) -> None:
        nonlocal began, used, done, slowest, chunk_began
        now = time.perf_counter()
        slowest, chunk_began = max(slowest, now - chunk_began), now
        if state.loaded.total - done < members / PARTS and state.loaded.total < members:
            return
        told = {
            "members": state.loaded.total,
            "rate": (state.loaded.total - done) / (now - began),
            "of_processor": (state.loaded.total - done) / (time.process_time() - used),
            "slowest": slowest,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        say(json.dumps(told))
        began, used, done, slowest = now, time.process_time(), state.loaded.total, 0.0

    load_file(database, file, now=datetime.now(UTC), progress=progress)
    database.close()


def show(name: str, url: str, file: Path, members: int) -> None:
    """The table of one database."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--load", url, str(file), str(members)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            one = json.loads(line)
            say(
                f"{name:12} {one['members']:>10,} members   {one['rate']:7,.0f} rows/s"
                f"   {one['of_processor']:7,.0f} for a second of processor"
                f"   slowest transaction {one['slowest']:5.2f} s   memory {one['memory']} MB"
            )
    took = time.perf_counter() - began
    say(f"{name:12} {members / took:,.0f} rows/s over {took:,.0f} s; exit status {child.returncode}")


def main() -> int:
    """Print the tables."""
    if sys.argv[1:2] == ["--load"]:
        load(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return 0
    members = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    parent = sys.argv[2] if len(sys.argv) > 2 else None
    wanted = sys.argv[3:] or ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory(prefix="tillpoint-bench-", dir=parent) as folder:
        file = Path(folder) / "members.csv"
        write_file(file, members)
        if "sqlite" in wanted:
            path = Path(folder) / "central.db"
            show("SQLite", f"sqlite:///{path}", file, members)
            say(f"{'  on disk':12} {path.stat().st_size / members:,.0f} bytes a member")
            path.unlink()
        why = missing()
        if why and "postgresql" in wanted:
            say(why)
        elif "postgresql" in wanted:
            server = PostgreSQL(durable=True)
            try:
                name = server.create()
                show("PostgreSQL", server.address(name), file, members)
                size = server.execute("SELECT pg_database_size(current_database())", database=name)[0][0]
                say(f"{'  on disk':12} {int(str(size)) / members:,.0f} bytes a member")
            finally:
                server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
