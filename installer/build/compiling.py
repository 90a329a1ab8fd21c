"""Byte code beside each source of a folder, without docstrings: nobody reads them on a till, and they are 3 MB there.

Those of values that travel stay (msgspec's structs, enumerations): `/openapi.json` of a till's local API shows them.

A program of its own, so that its seed is fixed and the same source gives the same bytes. The code is valid whatever
the file's time is, and the sources stay: a traceback shows its lines. Assertions stay too.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]
from pathlib import Path

__all__ = ["compile_folder", "without_docstrings"]

SHOWN = frozenset({"Struct", "Enum", "IntEnum", "StrEnum"})  # what their classes, and those derived from them, have


def main() -> int:
    """`compiling.py FOLDER`."""
    compile_folder(Path(sys.argv[1]))
    return 0


def compile_folder(root: Path) -> None:
    """Compile every source; names in the code are relative to the folder, which is on sys.path at the till."""
    for path in sorted(root.rglob("*.py")):
        source = path.read_bytes()
        name = path.relative_to(root).as_posix()
        code = compile(without_docstrings(ast.parse(source, name)), name, "exec", dont_inherit=True, optimize=0)
        target = Path(importlib.util.cache_from_source(str(path), optimization=""))
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False))


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The same program; a body that was a docstring alone becomes `pass`."""
    shown = set(SHOWN)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and shown.intersection(map(_last_name, node.bases)):
            shown.add(node.name)
            continue
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        first = node.body[0]
        rest = node.body[1:]
        node.body = rest or [ast.copy_location(ast.Pass(), first)]
    return tree


def _last_name(base: ast.expr) -> str:
    """`Struct` of `Struct` and of `msgspec.Struct`."""
    return ast.unparse(base).rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
