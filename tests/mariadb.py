"""A MariaDB of one's own for tests: in a temporary folder, on a free port of loopback, gone at the end.

A watchdog ends the server and removes the folder when whoever started them is killed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["MariaDB", "missing"]

START_TIMEOUT_S = 60
WATCHDOG = """
cat >/dev/null
server=$(cat "$1/pid" 2>/dev/null)
if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null
    tries=0
    while kill -0 "$server" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
fi
rm -rf -- "$1"
"""


def missing() -> str:
    """Why there can be no server here, or ""."""
    if sys.platform == "win32":
        return "SKIPPED LOUDLY: the tests start no MariaDB on Windows"
    if _program("mariadbd") is None or _scripts() is None:
        return "SKIPPED LOUDLY: no MariaDB here, Artix's cash server was not tried (apt install mariadb-server-core)"
    try:
        import pymysql  # noqa: F401 - asked for, not used
    except ImportError:
        return "SKIPPED LOUDLY: no pymysql here, Artix's cash server was not tried"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


def _scripts() -> Path | None:
    """Where the package keeps what makes the system's tables."""
    places = [Path("/usr/share/mysql"), Path("/usr/share/mariadb")]
    return next((one for one in places if (one / "mysql_system_tables.sql").is_file()), None)


class MariaDB:
    """A running server; `root` may do everything, without a password, over its socket alone."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tillpoint-mariadb-"))
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        data = self.folder / "data"
        self._who = ["--user=root"] if os.geteuid() == 0 else []
        self._bootstrap(data)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def _bootstrap(self, data: Path) -> None:
        """The system's own tables; `mariadb-install-db` does the same and wants the package of a running server."""
        (data / "mysql").mkdir(parents=True)
        scripts = ["mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"]
        words = b"use mysql;\nSET @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n"
        folder = _scripts()
        assert folder is not None
        made = subprocess.run(
            [
                str(_program("mariadbd")), "--no-defaults", "--bootstrap", f"--datadir={data}", *self._who,
                "--innodb-buffer-pool-size=16M", "--max-allowed-packet=8M", "--skip-log-bin",
            ],
            input=words + b"".join((folder / name).read_bytes() for name in scripts),
            capture_output=True,
            check=False,
            timeout=START_TIMEOUT_S,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr.decode()

    def start(self) -> None:
        """Start it, or start it again on the same port; waits until it answers."""
        words = [
            "--no-defaults", f"--datadir={self.folder / 'data'}", f"--socket={self.folder / 'sock'}",
            f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", f"--pid-file={self.folder / 'pid'}", "--skip-name-resolve", *self._who,
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(_program("mariadbd")), *words], stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        ends = time.monotonic() + START_TIMEOUT_S
        pause = threading.Event()
        while True:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < ends, "it never came up"
            with socket.socket(socket.AF_UNIX) as door:
                if door.connect_ex(str(self.folder / "sock")) == 0:
                    break
            pause.wait(0.05)
        self.run("SELECT 1")

    def run(self, *statements: str, database: str = "") -> list[Any]:
        """Run statements as root; the rows of the last one. Raises OSError while nobody answers."""
        import pymysql

        try:
            connection = pymysql.connect(
                unix_socket=str(self.folder / "sock"), user="root", charset="utf8mb4", autocommit=True,
                database=database or None,
            )  # fmt: skip
        except pymysql.err.OperationalError as error:
            raise OSError(str(error)) from None
        rows: list[Any] = []
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                    rows = list(cursor.fetchall())
        finally:
            connection.close()
        return rows

    def stop(self) -> None:
        """It goes, its data stay."""
        self._process.terminate()
        self._process.wait(START_TIMEOUT_S)

    def close(self) -> None:
        """Stop it and remove the folder."""
        if self._process.poll() is None:
            self.stop()
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.close()
        self._watchdog.wait(START_TIMEOUT_S)
