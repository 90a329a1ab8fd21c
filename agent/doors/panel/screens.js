// The parts of the page that only show: top bar, offline strip, customer, sums. Told a snapshot, they put it on the page.
import { day, isNothing, money, points, say, time, whole } from "./text.js";

const DAY_MS = 86400000;

export const $ = (id) => document.getElementById(id);
export const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
export const show = (node, on) => { if (node.hidden === on) node.hidden = !on; };
export const speak = (text) => setText($("live"), text); // for a screen reader: what changed, once

export function fill(list, rows, tag, put) { // as many children as rows; those there are stay, so that nothing flickers
  rows.forEach((row, place) => put(list.children[place] || list.appendChild(document.createElement(tag)), row));
  while (list.children.length > rows.length) list.lastChild.remove();
}

export function renderSums(list, rows) { // rows of [word, text, look]; a row without text is left out
  fill(list, rows.filter((row) => row[1]), "div", (line, [word, text, look]) => {
    if (!line.firstChild) line.append(document.createElement("dt"), document.createElement("dd"));
    line.className = look || "";
    setText(line.firstChild, say(word));
    setText(line.lastChild, text);
  });
}

const SLIP_SAYS = { E301: "slip_paper", E302: "slip_cover", E303: "slip_cutter" }; // the printer's own codes

export const isSlipPrinter = (device) => device.driver === "escpos_slip";

function slipTrouble(snap) { // what the cashier can do about a printer of ours; its own sentence is on its lamp
  const printer = snap.devices.find((device) => isSlipPrinter(device) && /^(off|failed)$/.test(device.state));
  if (!printer || /^waiting/.test(printer.detail)) return "";
  return say(SLIP_SAYS[printer.detail.slice(0, 4)] || "slip_off");
}

export function renderBar(snap) {
  const place = [snap.till && say("till", { t: snap.till }), snap.shop && say("shop", { s: snap.shop })];
  setText($("place"), place.filter(Boolean).join(" · ") || "Tillpoint");
  setText($("link"), say(`link_${snap.link}`));
  $("link").dataset.state = snap.link;
  const shelved = snap.shelved ? ` · ${say("shelved", { n: snap.shelved })}` : "";
  setText($("queue"), say("queue", { n: snap.waiting }) + shelved);
  $("queue").title = say("queue_title", { n: snap.waiting });
  $("queue").dataset.state = snap.shelved ? "bad" : "";
  fill($("devices"), snap.devices, "li", (item, device) => {
    setText(item, device.name);
    item.className = "lamp";
    item.dataset.state = device.state;
    item.title = `${device.name}: ${say(`device_${device.state}`)}${device.detail ? ` – ${device.detail}` : ""}`;
    item.setAttribute("aria-label", item.title);
  });
}

export function renderStrip(snap) {
  let text = snap.link === "not_enrolled" ? say("not_enrolled") : "";
  let isBad = false;
  if (snap.link === "offline") {
    isBad = snap.waiting_oldest_at !== "" && Date.now() - Date.parse(snap.waiting_oldest_at) > DAY_MS;
    const can = snap.customer && snap.quote ? points(snap.quote.spendable) : "";
    if (isBad) text = say("offline_long");
    else if (can === "") text = say("offline_since", { t: time(snap.offline_since) });
    else text = can === "0" ? say("offline_none") : say("offline", { n: can });
    text += ` · ${say("queue", { n: snap.waiting })}`;
  }
  if (text === "" && snap.loading_percent !== null) text = say("members_loading", { n: snap.loading_percent });
  // For store IT, when nothing more pressing is there; why it is stands on their page.
  if (text === "" && snap.programme_trouble) text = say("programme_trouble");
  if (text === "") text = slipTrouble(snap);
  setText($("strip-text"), text);
  show($("strip"), text !== "");
  $("strip").dataset.state = isBad ? "bad" : "";
}

export function renderReceipt(last, withClaim) { // what the last closed receipt did, for a glance
  renderSums($("receipt"), !last.total ? [] : [
    ["last_receipt", money(last.total)],
    ["discount", last.discount && !isNothing(last.discount) ? `−${money(last.discount)}` : ""],
    ["earned", last.earned && !isNothing(last.earned) ? `+${whole(last.earned)}` : ""],
    ["claim", withClaim ? last.claim : "", "claim"],
  ]);
}

export function forgetCustomer() { // nobody is there: nothing of whoever was stays in the page, not even hidden
  for (const list of document.querySelectorAll("#quote, #notes, #balance-other")) list.replaceChildren();
  const shown = "#found strong, #found span, #balance-number, #balance-expires, #balance-seen, #wish, #redeem p, #ask p, #sum-who";
  for (const node of document.querySelectorAll(shown)) if (!node.firstElementChild) setText(node, "");
}

export function renderFound(snap) {
  const { customer, quote } = snap;
  const first = customer.balances[0] || { available: 0 };
  const expires = first.expiring && first.expiring_at;
  const isOld = snap.link !== "online" && customer.seen_at !== "";
  setText($("who-name"), customer.name || customer.phone);
  setText($("who-phone"), customer.name ? customer.phone : "");
  const family = customer.members > 1 ? say("family", { n: customer.members }) : "";
  setText($("who-tier"), [customer.tier, family].filter(Boolean).join(" · "));
  show($("who-tier"), customer.tier !== "" || family !== "");
  const balance = whole(String(first.available));
  setText($("balance-number"), balance);
  $("balance-number").toggleAttribute("data-long", balance.length > 7);
  const when = expires ? { n: whole(String(first.expiring)), d: day(first.expiring_at) } : {};
  setText($("balance-expires"), expires ? say("expiring", when) : "");
  setText($("balance-seen"), isOld ? say("balance_seen", { t: time(customer.seen_at) }) : "");
  fill($("balance-other"), customer.balances.slice(1), "li", (item, one) => {
    setText(item, `${one.unit}: ${whole(String(one.available))}`);
  });
  show($("quote-none"), !quote);
  setText($("quote-none"), say(snap.sale ? "sum_wanted" : "no_receipt"));
  renderSums($("quote"), !quote ? [] : [
    ["total", money(quote.total)],
    ["discount", isNothing(quote.discount) ? "" : `−${money(quote.discount)}`],
    ["payable", money(quote.payable), "big"],
    ["will_earn", points(quote.earn) === "0" ? "0" : `+${points(quote.earn)}`, "good"],
    ["can_spend", snap.wish ? "" : points(quote.spendable), "good"],
  ]);
  $("quote").toggleAttribute("data-long", Boolean(quote) && money(quote.total).length > 12);
  speak(`${say("found")}. ${$("who-name").textContent}. ${say("balance")} ${balance}`);
}
