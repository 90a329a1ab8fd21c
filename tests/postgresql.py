"""A PostgreSQL of one's own for tests and benches: in a temporary folder, on a free port of loopback, gone at the end.

PostgreSQL refuses to run as root, so there it runs as `nobody`. A watchdog ends the server and removes the folder when
whoever started them is killed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["PostgreSQL", "missing"]

START_TIMEOUT_S = 60
USER = "tillpoint"
#: What a test need not wait for: power cuts are not what is tested with it.
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ALWAYS = {"jit": "off", "shared_buffers": "128MB", "max_connections": "100", "log_min_messages": "fatal"}
#: Reads what nobody writes: the end comes when the process that holds the other end is gone, however it went.
WATCHDOG = """
cat >/dev/null
server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$server" ]; then
    kill -QUIT "$server" 2>/dev/null
    tries=0
    while kill -0 "$server" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
fi
rm -rf -- "$1"
"""


def missing() -> str:
    """Why there can be no server here, or ""."""
    if sys.platform == "win32":
        return "SKIPPED LOUDLY: the tests start no PostgreSQL on Windows"
    if _program("initdb") is None or _program("postgres") is None:
        return (
            "SKIPPED LOUDLY: no PostgreSQL here, the central server was tried on SQLite alone (apt install postgresql)"
        )
    try:
        import psycopg  # noqa: F401 - asked for, not used
    except ImportError:
        return "SKIPPED LOUDLY: no psycopg here, the central server was tried on SQLite alone"
    return ""


def _program(name: str) -> str | None:
    found = shutil.which(name)
    if found is not None:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(versions[-1]) if versions else None


class PostgreSQL:
    """A running server; `durable` keeps every sync, as a real one does."""

    def __init__(self, *, durable: bool = False, settings: dict[str, str] | None = None) -> None:
        self._who = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="tillpoint-postgresql-"))
        # A session of its own: Ctrl-C in the terminal is for the tests, which then stop the server themselves.
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        data = self.folder / "data"
        if self._who:
            os.chown(self.folder, *self._who)
        self._run("initdb", "-D", str(data), "-A", "trust", "-U", USER, "--locale=C", "-E", "UTF8", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        chosen = {**ALWAYS, **({} if durable else UNSAFE), **(settings or {})}
        chosen |= {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        words = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_program("postgres") or "postgres", "-D", str(data), *words],
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.folder,
                **self._as_user(),
            )
        self._names = 0
        self._wait()

    def _as_user(self) -> dict[str, object]:
        return {} if self._who is None else {"user": self._who[0], "group": self._who[1], "extra_groups": []}

    def _run(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [_program(name) or name, *words], capture_output=True, check=False, cwd=self.folder, **self._as_user()
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.decode(errors='replace')}")

    def _wait(self) -> None:
        import time

        import psycopg

        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.05)
            else:
                return

    def address(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def create(self, *, template: str = "template0") -> str:
        """A new database, a copy of another one; its name."""
        self._names += 1
        name = f"centre_{self._names}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Away with a database, whoever is in it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement outside of any transaction; its rows."""
        import psycopg

        with psycopg.connect(self.address(database), autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def stop(self) -> None:
        """At once, and the folder with it, which is the watchdog's."""
        import signal

        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._watchdog.wait(30)


def _unprivileged() -> tuple[int, int] | None:
    """Whom to run as when we are root."""
    if os.geteuid() != 0:
        return None
    import pwd

    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid
