// The steps beside finding a customer: how many points (REDEEM), somebody new (ENROL), store IT's page behind a PIN.
// What is typed here is kept here until it is sent; everything else is the agent's snapshot.
import { $, fill, setText, show, speak } from "./screens.js";
import { day, hasWord, say, time, whole } from "./text.js";

const AMOUNT_MAX = 9;
const PIN_MAX = 12;

let amount = ""; // "" is the most there may be
let pin = "";
let isPin = false; // digits are the supervisor's PIN now

// ── How many points ──────────────────────────────────────────────────────────────────────────────

export function forget() { // whatever was typed on another screen
  amount = "";
  pin = "";
  isPin = false;
}

export const mark = () => ({ amount, pin, isPin }); // to be given back when what was typed was a scan
export const restore = (was) => { ({ amount, pin, isPin } = was); };

export function startAmount() { // digits replace what stands there
  amount = "";
  isPin = false;
}

export function startPin() {
  isPin = true;
  pin = "";
}

export function typeDigit(digit) {
  if (!/^\d$/.test(digit)) return;
  if (isPin) pin = (pin + digit).slice(0, PIN_MAX);
  else if (amount || digit !== "0") amount = (amount + digit).slice(0, AMOUNT_MAX);
}

export function eraseDigit() {
  if (isPin) pin = pin.slice(0, -1);
  else amount = amount.slice(0, -1);
}

export const canSpend = (snap) => snap.redeem && (!snap.redeem.needs_proof || pin.length >= 4);

export function spendBody() { // the PIN leaves this page at once and is not kept
  const body = { do: "spend" };
  if (amount) body.points = Number(amount);
  if (pin) body.pin = pin;
  pin = "";
  return body;
}

export function renderRedeem(snap) {
  const { most, unit, needs_proof: needsProof, has_receipt: hasReceipt } = snap.redeem;
  const asked = amount ? Math.min(Number(amount), most) : most;
  setText($("redeem-who"), say("redeem_who", { name: snap.customer.name || snap.customer.phone }));
  setText($("redeem-number"), whole(String(asked)));
  setText($("redeem-most"), say(hasReceipt ? "redeem_most" : "redeem_balance", { n: whole(String(most)), unit }));
  setText($("redeem-capped"), amount && Number(amount) > most ? say("redeem_capped", { n: whole(String(most)) }) : "");
  const proof = !needsProof ? "proof_shown" : isPin ? "proof_pin" : "proof_needed";
  setText($("redeem-proof"), say(proof));
  $("redeem-proof").dataset.state = needsProof ? "wanted" : "good";
  show($("redeem-pin"), needsProof && isPin);
  setText($("redeem-pin"), "●".repeat(pin.length) || "····");
  speak(`${$("redeem-number").textContent} ${$("redeem-most").textContent}. ${$("redeem-proof").textContent}`);
}

export function renderWish(snap) {
  const { wish } = snap;
  show($("wish"), Boolean(wish));
  if (!wish) return;
  const spent = snap.quote ? Object.values(snap.quote.spend)[0] : 0;
  const n = wish.points === null && !spent ? say("wish_most") : whole(String(spent || wish.points));
  setText($("wish"), say(wish.is_in_quote ? "wish_counts" : "wish_waits", { n, unit: wish.unit }));
  $("wish").dataset.state = wish.is_in_quote ? "good" : "";
}

export function renderNotes(snap) {
  fill($("notes"), snap.quote ? snap.quote.notes : [], "li", setText);
  show($("notes"), Boolean(snap.quote && snap.quote.notes.length));
}

// ── Somebody new ─────────────────────────────────────────────────────────────────────────────────

const TICK_KEYS = ["F2", "F7"];

export const tickBody = (snap, key) => {
  const one = snap.consents[TICK_KEYS.indexOf(key)];
  return one && { do: "tick", purpose: one.purpose, given: !one.given };
};

export const isAgreed = (snap) => snap.consents.every((one) => one.given || !one.required);

export function renderEnrol(snap, typed, act) {
  show($("enrol-phone"), snap.has_phone);
  setText($("enrol-phone"), snap.mask);
  show($("code"), !snap.has_phone);
  fill($("consents"), snap.consents, "button", (button, one) => {
    const place = snap.consents.indexOf(one);
    if (!button.firstChild) {
      button.type = "button";
      button.setAttribute("role", "checkbox");
      button.append(document.createElement("i"), document.createElement("span"), document.createElement("kbd"));
      button.addEventListener("click", () => act(button.dataset.key, Number(button.dataset.place)));
    }
    button.dataset.key = TICK_KEYS[place] || "";
    button.dataset.place = place;
    button.setAttribute("aria-checked", String(one.given));
    const word = `consent_${one.purpose}`;
    const text = one.text || (hasWord(word) ? say(word) : one.purpose);
    setText(button.children[1], `${text} ${say(one.required ? "consent_required" : "consent_optional")}`);
    setText(button.children[2], TICK_KEYS[place] || "");
  });
}

// ── Store IT ─────────────────────────────────────────────────────────────────────────────────────

export function renderIt(seen) {
  const at = (stamp) => (stamp ? `${day(stamp)} ${time(stamp)}` : "");
  const counts = Object.entries({ ...seen.lookups, ...seen.counts });
  const rows = [
    ["it_agent", `${seen.version} · ${say("shop", { s: seen.shop })} · ${say("till", { t: seen.till })} · ${seen.system}`],
    ["it_link", `${say(`link_${seen.link}`)} ${at(seen.offline_since)} ${seen.link_detail}`],
    ["it_queue", `${say("queue", { n: seen.waiting })} ${at(seen.waiting_oldest_at)} · ${say("shelved", { n: seen.shelved })}`],
    ["it_programme", `${seen.programme} (${seen.programme_version}) ${seen.programme_trouble}`],
    ["it_join", say(seen.may_join ? "it_yes" : "it_no")],
    ...seen.devices.map((one) => [`${one.name} (${one.driver})`, `${say(`device_${one.state}`)} ${one.detail}`]),
    ["it_today", counts.map(([name, n]) => `${say(`count_${name}`)}: ${n}`).join(" · ") || "–"],
  ];
  fill($("it-rows"), rows, "div", (line, [word, text]) => {
    if (!line.firstChild) line.append(document.createElement("dt"), document.createElement("dd"));
    setText(line.firstChild, say(word));
    setText(line.lastChild, text.trim());
  });
}
