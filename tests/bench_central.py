"""Measures how fast the central server takes what thousands of tills send, one process being killed; asserts nothing.

Run ``python tests/bench_central.py [tills] [folder]``. The same load goes to PostgreSQL (two processes) and to SQLite
(one process), so that the ratio travels from machine to machine; the tills run here too and take their share of it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.central.fleet_load import Fleet, Load, Outcome, measure
from tests.postgresql import PostgreSQL, missing

TILLS = 2_000
BATCHES = 2
PACED_SHARE = 0.5  # of the rate measured before: a server that is not full
PACED_S = 60.0  # how long it is watched


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(name: str, load: Load, outcome: Outcome) -> float:
    rate = load.envelopes / outcome.seconds
    assert outcome.totals is not None
    say(
        f"{name:34} {rate:7,.0f} rows/s   batch median {outcome.percentile(0.5):7.3f} s   p99 {outcome.percentile(0.99):7.3f} s"
        f"   lost {outcome.lost}, doubled {outcome.doubled}, points off by {outcome.earned_wrong},"
        f" imbalances {len(outcome.totals.imbalances)};"
        f" asked again {outcome.totals.duplicates}, lines broken {outcome.broken}, 503 {outcome.answers.get(503, 0)}"
    )
    return rate


def main() -> int:
    """Print the table."""
    tills = int(sys.argv[1]) if len(sys.argv) > 1 else TILLS
    parent = sys.argv[2] if len(sys.argv) > 2 else None
    full = Load(tills=tills, batches=BATCHES)
    fleet = Fleet(full).seal()
    say(f"{tills:,} tills, {BATCHES} batches of {full.size} each; {full.envelopes:,} envelopes")
    why = missing()
    if why:
        say(why)
    else:
        server = PostgreSQL(durable=True)
        try:
            name = server.create()
            rate = show("PostgreSQL, 2 processes, 1 killed", full, measure(server.address(name), fleet))
            size = server.execute("SELECT pg_database_size(current_database())", database=name)[0][0]
            say(f"{'  on disk':34} {int(str(size)) / full.envelopes:7,.0f} bytes a receipt, members included")
            pace = rate * PACED_SHARE / full.size
            paced = Load(tills=max(1, min(tills, round(pace * PACED_S))), batches=1, kill_at=0, rate=pace)
            calm = measure(server.address(server.create()), Fleet(paced).seal())
            show("PostgreSQL, 2 processes, half full", paced, calm)
        finally:
            server.stop()
    with tempfile.TemporaryDirectory(prefix="tillpoint-bench-", dir=parent) as folder:
        path = Path(folder) / "central.db"
        one = Load(tills=tills, batches=BATCHES, processes=1)
        fleet.load = one
        alone = show("SQLite, 1 process, killed, restarted", one, measure(f"sqlite:///{path}", fleet))
        say(f"{'  on disk':34} {path.stat().st_size / full.envelopes:7,.0f} bytes a receipt, members included")
    if not why:
        say(f"{'ratio':34} PostgreSQL {rate / alone:.2f} x SQLite")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
