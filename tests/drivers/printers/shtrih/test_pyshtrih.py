"""An independent till, pyshtrih as it is on PyPI, sells on the twin over a pseudo-terminal."""

import warnings

import pytest

from tests.wine_or_windows import IS_WINE

if IS_WINE:
    pytest.skip("SKIPPED LOUDLY: pyserial's list of ports needs what Wine lacks", allow_module_level=True)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pyshtrih = pytest.importorskip("pyshtrih")


def _till(path):
    return pyshtrih.ShtrihAllCommands(port=path, baudrate=115_200, timeout=5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_independent_till_sells(terminal):
    """Connect, state, open, sale, discount, text, close, cut."""
    register = terminal()
    till = _till(register.path)
    till.connect()
    try:
        assert till.state()["Код ошибки"] == 0
        assert till.full_state()["Код ошибки"] == 0
        till.open_shift()
        till.open_check(0)
        till.sale(("Хлеб", 2000, 4550))
        till.discount(100, text="Акция")
        till.print_string("Спасибо")
        answer = till.close_check(cash=10_000)
        till.cut(partial=True)
        status = till.fs_state()
        found = till.fs_find_document_by_num(status["Номер последнего ФД"])
    finally:
        till.disconnect()

    assert answer["Сдача"] == 1_000
    assert found["Тип фискального документа"] == 3
    assert "ИТОГ =90.00" in register.twin.paper
    assert "Спасибо" in register.twin.paper
    assert register.twin.paper[-1].startswith("✂")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_independent_till_is_told_of_an_empty_roll(terminal):
    register = terminal()
    register.twin.be_rude("paper_out")
    till = _till(register.path)
    till.connect()
    try:
        with pytest.raises(pyshtrih.Error):
            till.open_shift()
    finally:
        till.disconnect()
