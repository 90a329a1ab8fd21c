"""The scripts in installer/build import each other by their bare names, as they do when they are run by path."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(scope="session")
def build_tool(project):
    """`build_tool("payload")` is that script as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "installer/build"))
        yield importlib.import_module
