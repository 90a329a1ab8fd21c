"""A Frontol that runs the bridge's script: its object model, Windows' objects, a real socket to a real agent."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dukpy
import pytest

from tests.shop import PATIENCE_S, Person, Shop

HERE = Path(__file__).parent
SCRIPT = Path(__file__).resolve().parents[3] / "installer" / "bridges" / "frontol" / "tillpoint.js"


class Frontol:
    """One till.

    Attributes:
        line: "up", "down" (nobody listens), or "lost" (the request arrives and its answer does not).
        asked: the paths that were called.
    """

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.line = "up"
        self.asked: list[str] = []
        self.folder = folder
        self.disk_is_full = False
        self._shop = shop
        self._engine = dukpy.JSInterpreter()
        self._engine.export_function("http", self._http)
        self._engine.export_function("files", self._files)
        self.run((HERE / "model.js").read_text(encoding="utf-8"))
        self.run(SCRIPT.read_text(encoding="utf-8"))
        (folder / "api.token").write_bytes((shop.folder / "agent" / "api.token").read_bytes())
        self.run(f"TILLPOINT.url = 'http://127.0.0.1:{shop.agent.port}'; init(); 0")

    def run(self, script: str) -> Any:
        """The value of the script's last line."""
        return self._engine.evaljs(f"{script};\n")

    def value(self, name: str) -> str:
        """A user value of the document."""
        return str(self.run(f"frontol.currentDocument.userValues.get({json.dumps(name)})"))

    @property
    def total(self) -> float:
        return float(self.run("frontol.currentDocument.totalSum"))

    @property
    def messages(self) -> list[str]:
        return list(self.run("seen.messages.concat(seen.errors)"))

    def waiting(self, ending: str = "json") -> list[Path]:
        """Closed receipts that wait for the agent."""
        return sorted((self.folder / "frontol-queue").glob(f"*.{ending}"))

    # ── What the script reaches ─────────────────────────────────────────────────────────────────

    def _http(self, method: str, url: str, headers: dict[str, str], body: str) -> dict[str, Any]:
        where = urlsplit(url)
        self.asked.append(where.path)
        if self.line == "down":
            return {"status": 0}
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_S)
        try:
            connection.request(method, where.path, body.encode(), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return {"status": 0} if self.line == "lost" else {"status": answer.status, "text": text}

    def _files(self, what: str, path: str, more: str) -> dict[str, Any]:
        try:
            return {"value": self._do(what, self._here(path), more)}
        except OSError as error:
            return {"error": str(error)}

    def _here(self, path: str) -> Path:
        assert path.startswith("C:\\ProgramData\\Tillpoint"), path
        return self.folder.joinpath(*path.split("\\")[3:])

    def _do(self, what: str, path: Path, more: str) -> Any:
        if what == "is_folder":
            return path.is_dir()
        if what == "make_folder":
            return path.mkdir()
        if what == "delete":
            return path.unlink()
        if what == "move":
            return str(path.rename(self._here(more)))
        if what == "write":
            if self.disk_is_full:
                raise OSError("disk full")
            return path.write_text(more, encoding="utf-16")
        if what == "list":
            names = sorted(one.name for one in path.iterdir())
            return [
                "C:\\ProgramData\\Tillpoint\\" + "\\".join([*path.parts[len(self.folder.parts) :], name])
                for name in names
            ]
        return path.read_text(encoding="utf-16" if what == "read_unicode" else "ascii")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"), [])
    made.open()
    yield made
    made.close()


@pytest.fixture
def till(shop: Shop, tmp_path: Path) -> Frontol:
    return Frontol(shop, tmp_path)


@pytest.fixture
def who(shop: Shop) -> Person:
    return shop.newcomer()
