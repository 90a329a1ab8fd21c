"""What the tests of the ESC/POS room share: a reader, a link, and what came of its steps."""

from __future__ import annotations

from itertools import count

import pytest

from drivers.contract import DocumentEnds, ToDevice, ToHost
from drivers.printers.escpos import EscposSettings, driver
from drivers.printers.escpos.driver import conversation


class Relayed:
    """Feeds a conversation and keeps what came out."""

    def __init__(self, link):
        self.link = link
        self.to_device = b""
        self.to_host = b""
        self.ends = []
        self.order = []

    def take(self, steps):
        for step in steps:
            if isinstance(step, ToDevice):
                self.to_device += step.data
                self.order.append(step.data)
            elif isinstance(step, ToHost):
                self.to_host += step.data
            else:
                assert isinstance(step, DocumentEnds)
                self.ends.append(step)
                self.order.append("end")
        return self

    def host(self, data, now_s=0.0):
        return self.take(self.link.from_host(data, now_s))

    def tick(self, now_s):
        return self.take(self.link.tick(now_s))

    def gone(self, now_s=0.0):
        return self.take(self.link.host_gone(now_s))

    @property
    def documents(self):
        return [end.document for end in self.ends]


@pytest.fixture
def relayed():
    """A factory of links with counted uids: relayed(currency="THB") …"""

    def make(**settings):
        numbers = count(1)
        return Relayed(conversation(EscposSettings(**settings), device="printer", new_uid=lambda: f"p-{next(numbers)}"))

    return make


@pytest.fixture
def plain_link():
    """A link as the registry builds it."""
    return Relayed(driver.conversation(EscposSettings(), device="printer"))
