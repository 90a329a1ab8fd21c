"""The script for Frontol 5 and 6, run as it is against a real agent and a real centre."""

from __future__ import annotations

import json
import re

import pytest

from drivers.vocabulary import checkout as contract
from tests.bridges.frontol.conftest import SCRIPT
from tests.shop import POINTS, Account

pytestmark = pytest.mark.net

COFFEE = 'new Position("p1", 1001, "Кофе", 40.00, 10)'
CHEESE = 'new Position("p2", 1002, "Сыр", 300.00, 2)'


def fill(till, who=None):
    """10 coffees at 40 and 2 kg at 300."""
    till.run("cashier.open(1); 0")
    if who is not None:
        till.run(f"cashier.card('{who.card}'); 0")
    till.run(f"cashier.add({COFFEE}); cashier.add({CHEESE}); 0")


def sell(till, who, *, points="100"):
    fill(till, who)
    if points:
        till.run(f"answers.push('{points}'); TillpointPay(); 0")
    paid = till.total
    till.run(f"cashier.pay(1, {paid}); cashier.close(); 0")
    return paid


def give_back(till, *, values=True, cards=True):
    """5 of the coffees, on the basis of the last sale."""
    till.run(
        f"""
        var sale = frontol.currentDocument;
        cashier.open(2, {"NATIVE.parse(NATIVE.stringify(sale.values))" if values else "{}"}, {"sale.cards.slice()" if cards else "[]"});
        var line = new Position("p1", 1001, "Кофе", 40.00, 5);
        line.totalSum = Math.round(sale.lines[0].totalSum / 2 * 100) / 100;
        cashier.add(line);
        cashier.pay(1, frontol.currentDocument.totalSum);
        cashier.close(); 0
        """
    )
    return till.total


# ── The flow ────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_with_points_and_a_part_of_it_back(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    quoted = till.total
    available = till.value("TpAvailable")
    till.run("answers.push('100'); TillpointPay(); 0")
    paid = till.total
    till.run(f"cashier.pay(1, {paid}); cashier.close(); 0")
    middle = till.run("frontol.currentDocument.lines[0].totalSum")
    back = give_back(till)
    shop.settle()

    assert (quoted, available, paid) == (950.0, "285.00", 850.0)
    assert (middle, back) == (340.0, 170.0)
    assert till.messages == []
    assert till.waiting() == till.waiting("refused") == []
    # 85 earned, 20 of the 100 back, 17 of the 85 gone.
    assert shop.account(who) == Account(balance=POINTS - 100 + 85 + 20 - 17, sales=1, returns=1)


def test_the_phone_the_cashier_types(shop, till, who):
    shop.set_line(is_there=True)
    fill(till)
    till.run("answers.push('12'); TillpointPhone(); 0")
    till.run(f"answers.push('{who.phone[2:]}'); TillpointPhone(); 0")

    assert till.messages == ["Неверный номер телефона"]
    assert (till.total, till.value("TpClient")) == (950.0, "Anna P.")


def test_points_given_back_before_paying_are_not_spent(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    till.run("answers.push('100'); TillpointPay(); answers.push('0'); TillpointPay(); 0")
    paid = till.total
    till.run(f"cashier.pay(2, {paid}); cashier.close(); 0")
    shop.settle()

    assert paid == 950.0
    assert shop.account(who) == Account(balance=POINTS + 95, sales=1, returns=0)


def test_more_points_than_may_be_are_told(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    till.run("answers.push('900'); TillpointPay(); 0")

    assert (till.total, till.value("TpPoints")) == (665.0, "285.00")
    assert till.messages == ["Бонусами можно оплатить не больше 285.00"]


def test_a_changed_basket_is_quoted_anew_and_the_points_with_it(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    till.run("answers.push('285'); TillpointPay(); 0")
    till.run("frontol.currentDocument.lines[1].storno = 1; cashier.change(frontol.currentDocument.lines[1]); 0")

    assert (till.total, till.value("TpPoints")) == (266.0, "114.00")


def test_a_sale_to_nobody_and_a_foreign_card(shop, till):
    shop.set_line(is_there=True)
    till.run("cashier.open(1); 0")
    taken = till.run("cashier.card('4600000000008')")
    till.run(f"cashier.add({COFFEE}); cashier.pay(1, 500); cashier.close(); 0")

    assert (taken, till.messages, till.waiting("refused")) == (True, [], [])


def test_a_cancelled_sale_lets_go_of_its_points(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    till.run("answers.push('100'); TillpointPay(); cashier.cancel(); 0")
    known = shop.agent.till.run_on_till(lambda desk: desk.known(who.id), timeout_s=30)

    assert known.held_here == {}
    assert till.asked[-1] == "/v1/cancel"


def test_other_documents_are_left_alone(shop, till):
    till.run(f"cashier.open(21); cashier.card('1'); cashier.add({COFFEE}); cashier.close(); 0")

    assert till.asked == []


def test_points_beside_the_price_lower_the_document(shop, till, who):
    """A programme in which points are a tender: the lines keep their price, the document falls."""
    shop.set_line(is_there=True)
    for spreads in ("false", "true"):
        till.run(f"spreads = {spreads}; 0")
        fill(till, who)
        till.run(
            "tpState.byPoints = 5000; tpState.payable = 90000; frontol.currentDocument.recalculateAllDiscounts(); 0"
        )

        assert till.total == 900.0
        assert till.run("tpReceipt('sale', true).total") == "900.00 RUB"


def test_money_is_not_taken_when_the_points_did_not_come_off(shop, till, who):
    shop.set_line(is_there=True)
    fill(till, who)
    till.run("answers.push('100'); TillpointPay(); 0")
    till.run("frontol.currentDocument.lines[0].totalSum += 10; 0")
    taken = till.run("cashier.pay(1, 860)")

    assert taken is False
    assert "850.00" in till.messages[0]


def test_a_special_price_adds_up(shop, till, who):
    shop.set_line(is_there=True)
    till.run(
        f"cashier.open(1); cashier.card('{who.card}'); var p = new Position('p1', 7, 'Чай \\u0022x\\u0022', 33.33, 0.333); p.sum = 10; p.own = 0.01; cashier.add(p); 0"
    )
    total = till.total
    till.run(f"cashier.pay(1, {total}); cashier.close(); 0")

    assert total < 9.99
    assert till.waiting("refused") == []


# ── Without an answer ───────────────────────────────────────────────────────────────────────────


def test_without_an_agent_the_sale_goes_on_and_is_told_later(shop, till, who):
    shop.set_line(is_there=True)
    till.line = "down"
    paid = sell(till, who)
    told = till.value("TpMessage")
    kept = till.waiting()
    till.line = "up"
    till.run("cashier.open(1); 0")
    shop.settle()

    assert paid == 1000.0
    assert (told, len(kept)) == ("Нет связи с агентом лояльности", 1)
    assert till.messages == ["Нет связи с агентом лояльности: бонусами сейчас не оплатить"]
    assert till.waiting() == []
    assert shop.account(who) == Account(balance=POINTS + 100, sales=1, returns=0), "the card went with the receipt"


STEPS = ["card", "add", "points", "pay", "close", "return"]


@pytest.mark.parametrize("line", ["online", "offline"])
@pytest.mark.parametrize("step", STEPS)
def test_one_effect_whatever_answer_is_lost(shop, till, who, step, line):
    """The answers of one step are lost, and then the cashier goes on as a cashier does."""
    shop.set_line(is_there=line == "online")

    def during(name, script):
        till.line = "lost" if step == name else "up"
        till.run(script + "; 0")
        till.line = "up"

    till.run("cashier.open(1); 0")
    during("card", f"cashier.card('{who.card}')")
    during("add", f"cashier.add({COFFEE}); cashier.add({CHEESE})")
    during("points", "answers.push('100'); TillpointPay()")
    if till.value("TpPoints") != "100.00":
        till.run(f"cashier.card('{who.card}'); answers.push('100'); TillpointPay(); 0")
    during("pay", f"cashier.pay(1, {till.total})")
    paid = till.total
    during("close", "cashier.close()")
    till.line = "lost" if step == "return" else "up"
    give_back(till)
    till.line = "up"
    till.run("cashier.open(1); 0")
    shop.settle()

    assert paid == 850.0
    assert till.waiting() == till.waiting("refused") == []
    assert shop.account(who) == Account(balance=POINTS - 100 + 85 + 20 - 17, sales=1, returns=1)


def test_a_late_sale_is_not_given_to_whoever_is_at_the_till(shop, till):
    shop.set_line(is_there=True)
    till.line = "down"
    fill(till)
    till.run("cashier.pay(1, 1000); cashier.close(); 0")
    somebody = shop.newcomer()
    shop.agent.till.identify(contract.IdentifyRequest(code=somebody.card, presented=True), timeout_s=30)
    till.line = "up"
    till.run("cashier.open(1); 0")
    shop.settle()

    assert till.waiting() == []
    assert shop.account(somebody) == Account(balance=POINTS, sales=0, returns=0)


def test_a_receipt_the_agent_will_never_take_is_put_aside_and_told(shop, till, who):
    shop.set_line(is_there=True)
    till.run("TILLPOINT.currency = 'EUR'; 0")
    till.run(f"cashier.open(1); cashier.add({COFFEE}); cashier.close(); 0")

    assert (till.waiting(), len(till.waiting("refused"))) == ([], 1)
    assert "RUB" in till.messages[0]


def test_a_full_disk_still_tells_the_agent(shop, till, who):
    shop.set_line(is_there=True)
    till.disk_is_full = True
    sell(till, who)
    shop.settle()

    assert shop.account(who).sales == 1


def test_a_return_without_its_basis_is_settled_by_the_centre(shop, till, who):
    shop.set_line(is_there=True)
    sell(till, who)
    give_back(till, values=False)
    shop.settle()

    assert till.waiting("refused") == []
    assert (shop.account(who).sales, shop.account(who).returns) == (1, 1)


def test_a_script_loaded_in_the_middle_of_a_document_names_it(shop, till, who):
    shop.set_line(is_there=True)
    till.run("frontol.currentDocument = new Doc(1); 0")
    till.run(f"cashier.card('{who.card}'); cashier.add({COFFEE}); 0")

    assert till.total == 380.0
    assert till.value("TpUid").startswith("frontol-")


def test_a_wrong_key_stops_no_sale(shop, till, who):
    till.run("TILLPOINT.token = 'tp_wrong'; 0")

    assert sell(till, who) == 1000.0
    assert len(till.waiting()) == 1, "it waits until the key is right"


@pytest.mark.parametrize("text", ["", "<html>", "alert(1)", '{"a": new Date()}', "[1,", "f()", '{"a":"b"}; x', "while"])
def test_an_answer_that_is_no_data_is_no_answer(shop, till, text):
    """Only data is run; what is half of it is an error that the caller takes for silence."""
    script = f"(function () {{ try {{ return tpParse({json.dumps(text)}); }} catch (e) {{ return null; }} }})()"

    assert till.run(script) is None


def test_numbers_and_words(shop, till):
    assert till.run("tpMoney(-105)") == "-1.05 RUB"
    assert till.run("tpThousandths(1007)") == "1.007"
    assert till.run("tpMinor('124.50 RUB')") == 12450
    assert till.run("tpMinor(0.285 * 100)") == 2850
    assert till.run("tpJson({a: [1, 'Ж\"', null, true]})") == '{"a":[1,"\\u0416\\"",null,true]}'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", till.run("tpNow()"))


# ── ECMAScript 3 ────────────────────────────────────────────────────────────────────────────────

_TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
    r"""|(?<=[(,=:!&|?])\s*/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/[a-z]*""",
    re.DOTALL,
)
_NOT_ES3 = {
    "a declaration of later years": r"\b(let|const|class|import|export|async|await|yield)\b",
    "an arrow": r"=>",
    "a template": r"`",
    "a trailing comma": r",\s*[\]})]",
    "a reserved word as a name": r"\.\s*(default|catch|delete|in|new|return|class|enum|export|import|typeof|for|if|do)\b",
    "an accessor": r"[{,]\s*(get|set)\s+\w+\s*\(",
    "a spread": r"\.\.\.",
    "a short method": r"[{,]\s*(?!(?:if|for|while|switch|with|catch|function)\b)\w+\s*\([^)]*\)\s*\{",
    "JSON, which JScript has not": r"\bJSON\b",
    "a method of later years": r"\.(forEach|map|filter|reduce|some|every|trim|bind|padStart|includes|find|keys|startsWith)\(",
}


def not_es3(script: str) -> list[str]:
    bare = _TOKENS.sub(lambda found: "0" if not found[0].startswith("/") or found[0][1] not in "/*" else "", script)
    return [what for what, pattern in _NOT_ES3.items() if re.search(pattern, bare)]


def test_the_script_is_ecmascript_3():
    assert not_es3(SCRIPT.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "let a = 1;", "const b = 2;", "f(x => x);", "var c = [1, 2,];", "var d = {a: 1,};", "g(`x`);", "a.default = 1;",
        "var e = {get x() { return 1; }};", "f(...a);", "var h = {m() { return 1; }};", "JSON.parse(x);", "a.forEach(f);",
        "f(a, b,);",
    ],
)  # fmt: skip
def test_what_is_not_would_be_noticed(line):
    assert not_es3(line)
