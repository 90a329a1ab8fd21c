// A till without a till system: the sum of a receipt is typed here, and how it is paid stands on the buttons.
import { $, renderSums, setText, show, speak } from "./screens.js";
import { isNothing, money, say, typedSum, whole } from "./text.js";

const SUM = /^\d{0,9}([.,]\d{0,2})?$/;

let typed = null; // of the sum; null when it is not being typed

export const isOpen = () => typed !== null;
export const open = () => { typed = typed || ""; };
export const close = () => { typed = null; };
export const mark = () => typed;
export const restore = (was) => { typed = was; };
export const isReady = () => /[1-9]/.test(typed || "");
export const body = () => ({ do: "sum", amount: typed.replace(/[.,]$/, "").replace(/^(?=[.,])/, "0") });

export function type(character) {
  const longer = (typed || "") + character;
  if (SUM.test(longer)) typed = longer.replace(/^0+(?=\d)/, "");
}

export function erase() { // of nothing: the step is left
  typed = typed ? typed.slice(0, -1) : null;
}

export function render(snap) { // while it is typed, and what is to be paid of it for somebody without a card
  const { sale, customer } = snap;
  setText($("sum-who"), customer ? customer.name || customer.phone : say("without"));
  setText($("sum-title"), say(isOpen() ? "sum" : "payable"));
  setText($("sum-number"), isOpen() ? typedSum(typed) : money(sale.payable));
  const given = Object.entries(sale.earn).map(([unit, n]) => `+${whole(String(n))} ${unit}`).join(" ");
  renderSums($("sale"), isOpen() ? [] : [
    ["total", money(sale.total)],
    ["discount", isNothing(sale.discount) ? "" : `−${money(sale.discount)}`],
    ["will_earn", given, "good"],
  ]);
  show($("sum-hint"), isOpen());
  speak(`${$("sum-title").textContent} ${$("sum-number").textContent}`);
}
