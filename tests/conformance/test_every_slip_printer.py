"""One suite for every driver of a printer of our own, against its twin, over every kind of line."""

import threading

import pytest

from drivers.registry import LoadedDriver, known_drivers, load_driver
from drivers.slips import SlipWorker
from drivers.vocabulary.events import DeviceState

PATIENCE_S = 15.0


def _slip_drivers():
    for name in known_drivers():
        loaded = load_driver(name)
        if isinstance(loaded, LoadedDriver) and loaded.driver.shape == "slips":
            yield pytest.param(loaded.driver, id=name)


every_slip_driver = pytest.mark.parametrize("driver", list(_slip_drivers()))


class Desk:
    """A slip worker, what it told, and a twin that is put at the far end each time the worker connects."""

    def __init__(self, driver, line, serve):
        self.driver = driver
        self.twin = driver.twin(driver.settings_type())
        self.conversation = driver.conversation(driver.settings_type(), device="slips")
        self.events = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._line = line
        self.worker = SlipWorker(
            name="slips",
            endpoint=line.endpoint,
            conversation_factory=lambda: driver.conversation(driver.settings_type(), device="slips"),
            emit=self._emit,
            stop=self._stop,
            jitter=lambda: 1.0,
        )
        self._visits = threading.Thread(target=self._visit, args=(serve,), daemon=True)
        if line.kind == "terminal":
            serve(line.far(), self.twin)
        else:
            self._visits.start()
        self.worker.start()

    def _visit(self, serve):
        while not self._stop.is_set():
            far = self._line._far_endpoint.open(0.1)
            if far is not None:
                serve(far, self.twin)

    def _emit(self, event):
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, wanted):
        with self._news:
            assert self._news.wait_for(lambda: any(map(wanted, self.events)), PATIENCE_S), self.events

    def wait_for_paper(self, count):
        tick = threading.Event()
        for _ in range(int(PATIENCE_S / 0.01)):
            if len(self.twin.paper) >= count:
                return
            tick.wait(0.01)
        raise AssertionError(self.twin.paper)

    def close(self):
        self._stop.set()
        assert self.worker.join(5)
        if self._visits.ident is not None:
            self._visits.join(5)


@pytest.fixture
def desk(serve, bench, tmp_path):
    """Makes a desk on a wire and takes it down."""
    from tests.conformance.conftest import Wire

    made = []

    def make(driver, kind):
        line = Wire(kind, tmp_path, is_host=False)
        made.append((Desk(driver, line, serve), line))
        return made[-1][0]

    yield make
    for one, line in made:
        one.close()
        line.close()


@every_slip_driver
def test_the_script_is_printed(driver, wire, desk):
    """Every slip of the script stands on the twin's paper, line by line, one piece of paper each."""
    scenes = driver.twin(driver.settings_type()).script()
    at = desk(driver, wire)
    for scene in scenes:
        at.worker.print(scene.slip)
    at.wait_for_paper(len(scenes))
    at.wait_for(lambda event: event.state is DeviceState.ON)

    assert [scene.paper for scene in scenes] == [paper.lines for paper in at.twin.paper]


@every_slip_driver
def test_a_printer_without_paper_says_so_and_prints_when_it_has_some(driver, wire, desk):
    """Out of paper is a sentence for the cashier; the slip comes when paper is there again."""
    at = desk(driver, wire)
    at.wait_for(lambda event: event.state is DeviceState.ON)
    at.twin.be_rude("paper_out")
    at.worker.print(at.twin.script()[0].slip)
    at.wait_for(lambda event: event.state is DeviceState.OFF and event.detail.startswith("E301 out of paper"))

    assert () == at.twin.paper
    at.twin.be_rude("paper_out", on=False)
    at.wait_for_paper(1)
