"""What the daemon leaves out of its libraries: their command lines, which nobody types here.

`import uvicorn` brings its command line, and that click and multiprocessing; httpx tries the same. Together it is
1.5 MB of a till's memory for as long as it runs. A library that has changed is imported as it is.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["leave_out_command_lines"]


def leave_out_command_lines() -> None:
    """Call it before anything imports these libraries; afterwards `uvicorn.run` and `uvicorn.main` are not there."""
    modules: dict[str, Any] = sys.modules  # None there means "not to be had" (importlib)
    modules.setdefault("httpx._main", None)
    if "uvicorn" in sys.modules:
        return
    stand_in = ModuleType("uvicorn.main")
    for name in ("Server", "main", "run"):
        setattr(stand_in, name, None)
    sys.modules[stand_in.__name__] = stand_in
    try:
        server = importlib.import_module("uvicorn.server")
        modules["uvicorn"].Server = server.Server
    except (ImportError, AttributeError):
        for name in [one for one in sys.modules if one.partition(".")[0] == "uvicorn"]:
            del sys.modules[name]
    finally:
        sys.modules.pop(stand_in.__name__, None)
