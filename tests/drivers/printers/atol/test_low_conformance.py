"""The suite of asked devices, played with the low-level protocols: the registry's own row has the web interface."""

from dataclasses import replace
from functools import partial

import pytest

from drivers.printers.atol.driver import driver as row
from drivers.printers.atol.settings import AtolSettings
from tests.conformance import test_every_polled_driver as suite
from tests.conformance.conftest import bench, serve, wire

__all__ = ["bench", "serve", "wire"]

LINES = ["as it comes", "one byte at a time", "late", "doubles chunks"]
RUDE = ["silence", "half_answer", "wrong_checksum", "duplicate_answer", "restart"]


@pytest.fixture(params=["2", "3"])
def low(request):
    """The driver's row with a low-level interface."""
    return replace(row, settings_type=partial(AtolSettings, interface=request.param))


@pytest.mark.parametrize("line", LINES)
def test_every_receipt_comes_once_and_in_order(low, line, wire, bench, serve):
    suite.test_every_receipt_comes_once_and_in_order(low, wire, line, bench, serve)


@pytest.mark.net
def test_a_cut_in_the_middle_is_survived(low, bench, serve):
    suite.test_every_receipt_comes_once_and_in_order(low, "tcp", "cut in the middle", bench, serve)


def test_a_device_restart_is_survived(low, wire, bench, serve):
    suite.test_a_device_restart_is_survived(low, wire, bench, serve)


@pytest.mark.parametrize("rude", RUDE)
def test_a_rude_answer_loses_and_doubles_nothing(low, rude, bench, serve):
    suite.test_a_rude_answer_loses_and_doubles_nothing(low, rude, bench, serve)


@pytest.mark.parametrize("rude", suite.TROUBLES)
def test_what_is_wrong_is_a_state_with_a_sentence(low, rude, wire, bench, serve):
    suite.test_what_is_wrong_is_a_state_with_a_sentence(low, wire, rude, bench, serve)


def test_a_slip_waits_for_paper_and_comes_once(low, wire, bench, serve):
    suite.test_a_slip_waits_for_paper_and_comes_once(low, wire, bench, serve)
