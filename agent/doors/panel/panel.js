// The cashier's panel: shows the agent's snapshot and sends it what was scanned or typed. It decides nothing.
// Plain ES2019 without libraries: the oldest browsers it must run in are Chrome 109 and Firefox 115, on Windows 7.
import { listenIt, pressIt, showIt } from "./it.js";
import { SETTLE_MS, listen } from "./keys.js";
import { $, forgetCustomer, isSlipPrinter, renderBar, renderFound, renderReceipt, renderStrip, setText, show, speak } from "./screens.js";
import {
  LIMIT_KEYS, canSpend, caseRows, codeBody, eraseDigit, erasePin, forget, isAgreed, mark, mayAskAgain, nextProof, pinBody,
  pickRows, pinIsLong, proofWord, renderCase, renderEnrol, renderNotes, renderRedeem, renderRows, renderWish, restore, spendBody, startAmount, tickBody, typeDigit, typePin,
  wantsCode,
} from "./steps.js";
import * as sum from "./sum.js";
import {
  grouped, hasWord, hasWords, isWhole, looksLikeGoods, say, setRegion, setWords, submitsItself, time, ungrouped,
} from "./text.js";
import { listenTraining, renderTraining } from "./training.js";

const SAME_SCAN_MS = 2000; // the same code again within this is the scanner stuttering
const SEARCHING_MS = 150; // a faster answer needs no "Looking…"
const HABIT_MS = 700; // an Enter so soon after the last digit is a habit: the number was sent already
const TOAST_MS = 4000;
const PRODUCT_MS = 2000;
const ANSWER_MS = 6000; // the agent answers within 2 s; this is for a dead connection
const IDLE_MS = 60000; // a number nobody finished does not stay on the screen
const RETRY_MS = [500, 1000, 2000, 5000];
const TYPED_MAX = 40;
const VERDICTS = { not_found: "not_found", blocked: "blocked", not_loyalty: "product" };

const slotButtons = Array.from(document.querySelectorAll(".slot"));

let snap = null; // the newest snapshot
let typed = ""; // what is in the field
let typedAt = 0;
let sentAt = -Infinity; // when a last digit sent the number
let ask = ""; // digits of another customer, typed while one is at the till
let offered = ""; // digits typed while a customer is at the till, until it is known that they are no scan
let offerTimer = 0;
let toast = { text: "", kind: "", until: 0 };
let foundCode = ""; // the code that found the customer on the screen; kept in memory only
let corrected = ""; // the verdict that the cashier has left to correct the number
let productUntil = 0;
let elsewhere = false; // another tab has the panel
let lost = false; // no stream: the agent is restarting
let refused = false; // the agent answers, but not to us: the session is over
let tries = 0;
let source = null;
let lastScan = { code: "", at: -Infinity };
let chain = Promise.resolve(); // actions reach the agent one after another, in the order of the keys
let keys = null;

// ── What is shown ────────────────────────────────────────────────────────────────────────────────

const verdictNow = () => `${snap.screen} ${snap.mask}`;

function screenNow() {
  if (!snap) return "starting";
  if (ask) return "ask";
  if (/^(enrol|pick)$/.test(snap.screen)) return snap.screen;
  if (sum.isOpen() && snap.sale) return "sum";
  if (snap.customer) return /^(redeem|ask|limit|case|reissue|withdrawn)$/.test(snap.screen) ? snap.screen : "found";
  if (snap.screen === "not_loyalty") return Date.now() < productUntil ? "product" : "idle";
  if (snap.screen in VERDICTS && corrected !== verdictNow()) return snap.screen;
  return hasSale() && !typed ? "sale" : "idle";
}

const hasSale = () => Boolean(snap && snap.sale && snap.sale.total);

function slots() { // what the four buttons do now: [key, word, action (null: not now), whether it is the main one]
  switch (screenNow()) {
    case "ask": return [
      ["Enter", "replace_do", replaceCustomer, true], null, ask ? null : ["F9", "same_person", () => act({ do: "same_person" })],
      ["Esc", "keep", keepCustomer],
    ];
    case "case": return [null, null, null, ["Esc", "back", back]];
    case "withdrawn": return [["Enter", "done", back, true], null, null, null];
    case "reissue": return [pinIsLong() ? ["Enter", "confirm", vouchCard, true] : null, null, null, ["Esc", "back", back]];
    case "pick": return [null, null, null, ["Esc", "back", back]];
    case "limit": return limitSlots();
    case "found": return foundSlots();
    case "sum": return [sum.isReady() ? ["Enter", "sum_count", count, true] : null, null, null, ["Esc", "back", leaveSum]];
    case "sale": return [
      ["Enter", "paid_cash", payCash, true], ["F7", "sum_enter", enterSum], ["F10", "paid_card", payCard],
      ["Esc", "sale_drop", dropSale],
    ];
    case "redeem": return [
      canSpend(snap) ? ["Enter", "confirm", spend, true] : mayAskAgain(snap) ? ["Enter", "code_again", askCode] : null,
      ["F7", "other_sum", otherSum], snap.redeem.needs_proof ? ["F10", proofWord(snap), otherProof] : null,
      ["Esc", "back", back],
    ];
    case "enrol": return [
      isAgreed(snap) && (snap.has_phone || typed) ? ["Enter", "save", join, true] : null, null,
      ["F9", "refuse", refuse], ["Esc", "back", back],
    ];
    case "not_found": return [
      snap.may_join ? ["F4", "join", startJoining, true] : null, ["Enter", "without", goWithout, !snap.may_join],
      snap.may_join ? ["F9", "refuse", refuse] : null, ["Esc", "correct", leaveVerdict],
    ];
    case "blocked": return [["Enter", "without", goWithout, true], null, null, ["Esc", "correct", leaveVerdict]];
    default: return typed ? [["Enter", "find", submit, true], joinSlot(), null, ["Esc", "clear", erase]] : idleSlots();
  }
}

const joinSlot = () => (snap && snap.may_join ? ["F4", "new_customer", startJoining] : null);

function foundSlots() {
  const has = snap.quote ? Object.values(snap.quote.spendable) : snap.customer.balances.map((one) => one.available);
  const { limit } = snap;
  const can = has.some((one) => one > 0) && !(limit && limit.is_hard && !limit.is_answered);
  const wrong = ["F8", "wrong", clearCustomer];
  if (snap.sale) return soldHereSlots(can && !snap.wish, wrong);
  if (snap.wish) return [["F2", "earn_only", () => act({ do: "earn_only" })], null, ["F7", "other_sum", redeemSum], wrong];
  if (!can && snap.link === "offline") return [["F2", "redeem", null], ["F4", "case", openCase], null, wrong]; // the strip says why not
  return [can ? ["F2", "redeem", redeem, true] : null, ["F4", "case", openCase], can ? ["F7", "other_sum", redeemSum] : null, wrong];
}

function limitSlots() { // why so often? Esc answers nothing, and the sale goes on
  const wrong = ["F8", "wrong", clearCustomer];
  if (snap.limit.is_hard) return [pinIsLong() ? ["Enter", "confirm", vouch, true] : null, null, wrong, ["Esc", "back", back]];
  return [...LIMIT_KEYS.map(([key, answer]) => [key, `limit_${answer}`, () => act({ do: "limit", answer })]), wrong];
}

const openCase = () => act({ do: "case" });

function doCase(row) {
  const one = caseRows(snap)[row - 1];
  if (one) act(one[1]);
}

function vouchCard() {
  act(pinBody({ do: "lost_card" }));
  render();
}

function pick(row) {
  if (row >= 1 && row <= snap.picks.length) act({ do: "pick", row });
}

function vouch() {
  act(pinBody({ do: "limit" }));
  render();
}

function soldHereSlots(can, wrong) { // where no till system makes the receipt
  const redeems = can ? ["F2", "redeem", redeem] : snap.wish ? ["F2", "earn_only", () => act({ do: "earn_only" })] : null;
  if (!hasSale()) return [["Enter", "sum_enter", enterSum, true], redeems, null, wrong];
  return [["Enter", "paid_cash", payCash, true], redeems, ["F10", "paid_card", payCard], wrong];
}

function idleSlots() { // the last slip once more, where a printer of ours prints slips
  const canPrint = snap && snap.devices.some(isSlipPrinter) && snap.last_receipt.uid;
  const mayJoin = snap && snap.may_join;
  return [
    joinSlot(), mayJoin ? ["F9", "refuse", refuse] : null, canPrint ? ["F10", "reprint", reprint] : null,
    snap && snap.sale ? ["F7", "sum_enter", enterSum] : null,
  ];
}

function render() {
  if (!hasWords()) return;
  show($("overlay"), lost || refused || elsewhere);
  setText($("overlay-text"), say(refused ? "no_session" : elsewhere ? "elsewhere" : "restarting"));
  show($("take-over"), elsewhere && !refused);
  setAside(elsewhere && !refused);
  if (!snap) return;
  const now = screenNow();
  const isEntry = !/^(found|ask|limit|pick|case|reissue|withdrawn|redeem|sum|sale)$/.test(now);
  const isVouched = (now === "limit" && snap.limit.is_hard) || (now === "reissue" && snap.case.needs_supervisor);
  const isSum = now === "sum" || now === "sale";
  document.body.dataset.screen = now;
  renderBar(snap);
  renderTraining(snap);
  renderStrip(snap);
  show($("entry"), isEntry);
  const isAlone = now === "enrol" && snap.has_phone; // nothing is left to type
  document.body.toggleAttribute("data-vouched", isVouched); // the question stands beside the keys then
  show($("keypad"), (isEntry && !isAlone) || now === "redeem" || now === "sum" || isVouched);
  show($("comma"), now === "sum");
  show($("sum"), isSum);
  if (!snap.customer) forgetCustomer();
  if (isSum) sum.render(snap);
  $("entry").toggleAttribute("data-alone", isAlone);
  show($("redeem"), now === "redeem");
  show($("found"), now === "found");
  show($("ask"), /^(ask|limit|reissue|withdrawn)$/.test(now));
  show($("pick"), now === "pick" || now === "case");
  if (now === "pick") renderRows("pick", pickRows(snap), pick);
  else if (now === "case") renderRows("case_what", caseRows(snap).map(([word]) => say(word)), doCase);
  if ($("code").value !== grouped(typed)) $("code").value = grouped(typed); // also while it is hidden
  if (isEntry) renderEntry(now);
  if (now === "found") {
    renderFound(snap);
    renderWish(snap);
    renderNotes(snap);
  } else if (now === "redeem") renderRedeem(snap);
  else if (now === "ask") {
    setText($("ask-what"), say(ask ? "replace_typed" : "replace"));
    setText($("ask-code"), ask ? grouped(ask) : snap.asked);
  } else if (/^(limit|reissue|withdrawn)$/.test(now)) {
    renderCase(now, snap, isVouched);
  }
  renderToast();
  renderSlots();
  if (isEntry && document.activeElement === document.body) $("code").focus();
}

function renderEntry(now) {
  const isEnrol = now === "enrol";
  const isVerdict = now !== "idle" && !isEnrol;
  show($("enrol"), isEnrol);
  if (isEnrol) renderEnrol(snap, typed, toggle);
  else show($("code"), true);
  setText($("entry-title"), say(isEnrol ? "enrol_title" : "idle"));
  setText($("entry-hint"), isEnrol ? "" : say(submitsItself() ? "entry_hint" : "entry_hint_enter"));
  show($("verdict"), isVerdict);
  setText($("verdict-what"), isVerdict ? say(now) : "");
  setText($("verdict-more"), isVerdict ? snap.mask : "");
  setText($("programme"), isVerdict || isEnrol ? "" : snap.programme_title);
  renderReceipt(isVerdict || isEnrol ? {} : snap.last_receipt, Boolean(snap.sale));
  speak(isVerdict ? say(now) : "");
}

function renderToast() {
  let { text, kind } = Date.now() < toast.until ? toast : { text: "", kind: "" };
  if (!text && snap.notice && !(snap.notice in VERDICTS)) [text, kind] = [say(snap.notice), "note"];
  if (!text && snap.screen === "idle" && snap.care.length) [text, kind] = [say(`care_${snap.care[0]}`), "note"];
  setText($("toast"), text);
  $("toast").dataset.kind = kind;
}

function renderSlots() {
  const now = slots();
  slotButtons.forEach((button, place) => {
    const slot = now[place];
    show(button, Boolean(slot));
    if (!slot) return;
    setText(button.querySelector("kbd"), slot[0]);
    setText(button.querySelector("span"), say(slot[1]));
    button.classList.toggle("main", slot[3] === true);
    button.disabled = slot[2] === null;
  });
}

function tell(text, kind, lasts = TOAST_MS) {
  toast = { text, kind, until: Date.now() + lasts };
  setTimeout(render, lasts + 10);
  render();
}

function verdict(screen) { // about a code that changed nothing, because a customer is at the till
  tell(say(VERDICTS[screen]), "bad", screen === "not_loyalty" ? PRODUCT_MS : TOAST_MS);
}

function product() {
  productUntil = Date.now() + PRODUCT_MS;
  setTimeout(render, PRODUCT_MS + 10);
}

// ── What is done ─────────────────────────────────────────────────────────────────────────────────

function accept(fresh) {
  const before = snap;
  const isSameBoot = before && fresh.boot_id === before.boot_id;
  if (isSameBoot && fresh.version < before.version) return;
  const isNew = !isSameBoot || fresh.version !== before.version;
  snap = fresh;
  if (isNew && fresh.screen === "not_loyalty") product();
  if (before && fresh.notice in VERDICTS && fresh.notice !== before.notice) verdict(fresh.notice);
  if (fresh.customer || fresh.screen === "pick" || (before && before.screen === "enrol" && fresh.screen === "idle")) typed = "";
  if (!fresh.customer) foundCode = "";
  if (!before || before.screen !== fresh.screen) forget();
  if (!fresh.customer || !before || !before.customer || before.customer.id !== fresh.customer.id) ask = "";
  if (corrected !== verdictNow()) corrected = "";
  render();
}

const tellAgent = (path, body, signal) => fetch(path, {
  method: "POST",
  body: JSON.stringify(body),
  credentials: "same-origin",
  headers: { "Content-Type": "application/json", "X-Tillpoint": "1" },
  signal,
});

async function send(path, body) { // to the agent; gives the snapshot, or null when there is none
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    const answer = await tellAgent(path, body, abort.signal);
    if (answer.ok) {
      const fresh = await answer.json();
      accept(fresh);
      return fresh;
    }
    if (answer.status === 401) refused = true;
    else tell(await whyNot(answer), "bad");
  } catch (_) {
    if (!lost) tell(say("timeout"), "bad");
  } finally {
    clearTimeout(timer);
  }
  render();
  return null;
}

async function whyNot(answer) { // by the problem's own word, where the catalogue has a sentence for it
  const word = `no_${(await answer.json()).code}`;
  const n = answer.headers.get("retry-after") || answer.headers.get("x-tries-left");
  if (hasWord(word)) return say(word, { n });
  if (answer.status === 429) return say("too_often", { n });
  return say(answer.status === 503 ? "timeout" : "failed");
}

let acting = ""; // the act that is under way: the same key again means the same

async function act(body) {
  const said = JSON.stringify(body);
  if (acting === said) return null;
  acting = said;
  const fresh = await post("/panel/act", body);
  if (acting === said) acting = "";
  return fresh;
}

function post(path, body) {
  chain = chain.then(() => send(path, body));
  return chain;
}

async function identify(code, presented, replace = false) {
  const searching = setTimeout(() => tell(say("searching"), "note", ANSWER_MS), SEARCHING_MS);
  corrected = "";
  const fresh = await post("/panel/identify", { code, presented, replace });
  clearTimeout(searching);
  if (toast.text === say("searching")) toast.until = 0;
  if (fresh && fresh.customer && fresh.notice in VERDICTS) verdict(fresh.notice);
  else if (fresh && fresh.customer && fresh.screen !== "ask") foundCode = code;
  else if (fresh && fresh.screen === "not_loyalty") product();
  render();
}

function submit() {
  if (typed && !lost) identify(typed, false);
}

function erase() {
  typed = "";
  render();
}

function clearCustomer() {
  typed = "";
  post("/panel/clear", {});
  render();
}

async function reprint() {
  if (await post("/panel/reprint", {})) tell(say("reprinting"), "note");
  render();
}

function leaveVerdict() { // the digits stay, to be corrected
  corrected = verdictNow();
  post("/panel/clear", {});
  render();
}

function goWithout() {
  typed = "";
  leaveVerdict();
  if (snap.sale && !hasSale()) enterSum();
}

function keepCustomer() {
  if (!ask) act({ do: "keep" });
  ask = "";
  render();
}

async function replaceCustomer() {
  const code = ask;
  ask = "";
  render();
  if (!code) act({ do: "replace" });
  else if (isWhole(code)) identify(code, false, true);
  else {
    await post("/panel/clear", {}); // a number begun: it goes on in the field
    typed = code;
    render();
  }
}

function enterSum() {
  sum.open();
  render();
}

function leaveSum() {
  sum.close();
  render();
}

async function count() {
  if (await act(sum.body())) leaveSum();
}

const payCash = () => act({ do: "pay", tender: "cash" });
const payCard = () => act({ do: "pay", tender: "card" });
const dropSale = () => act({ do: "drop_sale" });

const redeem = () => act({ do: "redeem" });

async function redeemSum() {
  await redeem();
  otherSum();
}

function otherSum() {
  startAmount();
  render();
}

const askCode = () => act({ do: "ask_code" });

function otherProof() {
  if (wantsCode(snap)) askCode();
  else nextProof(snap);
  render();
}

function spend() {
  act(spendBody());
  render();
}

const back = () => act({ do: "back" });
const startJoining = () => act({ do: "enrol" });
const refuse = () => act({ do: "refuse" });
const join = () => act(snap.has_phone ? { do: "join" } : { do: "join", phone: typed });

function toggle(key, place) {
  const one = key ? null : snap.consents[place];
  act(one ? { do: "tick", purpose: one.purpose, given: !one.given } : tickBody(snap, key));
}

function scanned(code, at) {
  const isStutter = code === lastScan.code && at - lastScan.at < SAME_SCAN_MS;
  if (code && !lost && !isStutter) {
    lastScan = { code, at };
    if (!snap || !snap.customer) identify(code, true);
    else if (snap.screen === "reissue") identify(code, true);
    else if (looksLikeGoods(code)) verdict("not_loyalty");
    else if (code !== foundCode || (snap.redeem && snap.redeem.needs_proof)) identify(code, true);
  }
  render(); // the characters have been taken back
}

function type(character, at) { // one character, by a key or by the keypad
  typedAt = Date.now();
  if (ask) ask = (ask + character).slice(0, TYPED_MAX);
  else if (screenNow() === "redeem") typeProof(character);
  else if (snap && snap.sale && /^(found|sum|sale)$/.test(screenNow())) sum.type(character);
  else if (screenNow() === "enrol") typed = snap.has_phone ? "" : (typed + character).trim().slice(0, TYPED_MAX);
  else if (/^(limit|reissue)$/.test(screenNow())) typePin(character);
  else if (screenNow() === "case") doCase(Number(character));
  else if (screenNow() === "pick") pick(Number(character));
  else if (screenNow() === "ask") return;
  else if (snap && snap.customer) {
    offered += character; // wait a moment: it may be a scan
    clearTimeout(offerTimer);
    offerTimer = setTimeout(offer, SETTLE_MS);
  } else if (character !== " " || typed) {
    if (snap && screenNow() !== "idle") corrected = verdictNow();
    typed = (typed + character).slice(0, TYPED_MAX);
    if (isWhole(typed) && !keys.isScan()) {
      sentAt = at;
      submit();
    }
  }
  render();
}

function typeProof(character) {
  typeDigit(character, snap);
  const body = keys.isScan() ? null : codeBody(snap);
  if (body) act(body);
}

function offer() {
  if (snap.customer) ask = offered;
  offered = "";
  render();
}

function backspace(isRepeat) {
  if (ask) ask = ask.slice(0, -1);
  else if (screenNow() === "redeem") eraseDigit(snap);
  else if (/^(limit|reissue)$/.test(screenNow())) erasePin();
  else if (sum.isOpen()) sum.erase();
  else if (typed) {
    if (screenNow() in VERDICTS) corrected = verdictNow();
    typed = typed.slice(0, -1);
  } else if (screenNow() === "found" && !isRepeat) clearCustomer();
  render();
}

function press(key, at) {
  if (key === "Enter" && at - sentAt < HABIT_MS) return;
  if (!$("it").hidden) {
    if (key === "Esc") it(false);
    else pressIt(key);
  } else if (!$("help").hidden && (key === "Esc" || key === "F1")) help(false);
  else if (!$("help").hidden && key === "Enter") $("train-begin").click();
  else if (screenNow() === "enrol" && tickBody(snap, key)) toggle(key);
  else if (key === "F1") help(true);
  else if (key === "F4" && screenNow() === "found") openCase(); // where its button has no room
  else if (key === "Backspace" || key === "Erase") backspace(key === "Erase");
  else {
    if (key === "Enter" && sum.isOpen()) sentAt = at; // the same Enter twice counts, and does not pay
    run(slots().find((slot) => slot && slot[0] === key));
  }
}

function run(slot) {
  if (slot && slot[2] && !lost) slot[2]();
}

let isAside = false;

function setAside(on) { // another tab is the panel: only the way back can be reached
  if (isAside === on) return;
  isAside = on;
  for (const node of document.querySelectorAll("header, #training, main, footer")) node.inert = on;
  if (on) $("take-over").focus();
}

function help(on) {
  show($("help"), on);
  for (const node of document.querySelectorAll("header, #training, main, footer")) node.inert = on;
  $(on ? "help-close" : "help-open").focus();
}

function it(on) {
  help(false);
  for (const node of document.querySelectorAll("header, #training, main, footer")) node.inert = on;
  showIt(on);
}

// ── The live stream, the clock, the start ────────────────────────────────────────────────────────

function connect() {
  source = new EventSource("/panel/stream");
  source.addEventListener("hello", (event) => {
    if (JSON.parse(event.data).mark !== document.documentElement.dataset.mark) location.reload(); // an update came
    tries = 0;
    lost = false;
    refused = false;
  });
  source.addEventListener("snapshot", (event) => accept(JSON.parse(event.data)));
  source.onerror = () => {
    refused = source.readyState === EventSource.CLOSED; // answered with an error: this is no restart
    lost = !refused;
    source.close();
    setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
    render();
  };
}

// One tab is the panel: two would compete for the scanner. The browser keeps the lock.
let isMine = false;
async function own(steal, isAgain = false) {
  if (!navigator.locks) return;
  try {
    await navigator.locks.request("tillpoint-panel", steal ? { steal } : { ifAvailable: true }, (lock) => {
      isMine ||= !!lock; // the second look may find us
      elsewhere = !isMine;
      render();
      return lock ? new Promise(() => {}) : null;
    });
    if (!isAgain) setTimeout(() => own(false, true), 300); // a page being left still had it
  } catch (_) { // taken away by another tab
    isMine = false;
    elsewhere = true;
    render();
  }
}

function tick() {
  const now = new Date();
  setText($("clock"), time(now));
  if (typed && now.getTime() - typedAt > IDLE_MS) erase();
  if (snap && snap.redeem && snap.redeem.code) render(); // another one may be asked for by now
  setTimeout(tick, 1000 - now.getMilliseconds());
}

async function start() {
  setRegion(document.documentElement.dataset.region);
  keys = listen($("code"), {
    character: type,
    key: press,
    scan: (code, at) => scanned(code.trim(), at),
    mark: () => ({ typed, ask, corrected, step: mark(), sum: sum.mark() }),
    back: (was) => {
      ({ typed, ask, corrected } = was);
      restore(was.step);
      sum.restore(was.sum);
      clearTimeout(offerTimer);
      offered = "";
    },
  });
  $("code").addEventListener("input", () => { // pasted, or an on-screen keyboard
    typed = ungrouped($("code").value).slice(0, TYPED_MAX);
    typedAt = Date.now();
    if (isWhole(typed)) submit();
    render();
  });
  $("keypad").addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  $("keypad").addEventListener("click", (event) => {
    const { key } = (event.target.closest("button") || $("keypad")).dataset;
    if (/^[\d,]$/.test(key)) type(key, event.timeStamp);
    else if (key) press(key, event.timeStamp);
  });
  slotButtons.forEach((button, place) => button.addEventListener("click", () => run(slots()[place])));
  $("help-open").addEventListener("click", () => help(true));
  $("help-close").addEventListener("click", () => help(false));
  $("customer-show").addEventListener("click", () => open("/panel/customer", "customer", "popup"));
  $("it-show").addEventListener("click", () => it(true));
  listenIt(tellAgent, whyNot);
  $("it-close").addEventListener("click", () => it(false));
  listenTraining(tellAgent, whyNot, () => { help(false); document.activeElement.blur(); render(); }, accept);
  $("take-over").addEventListener("click", () => own(true));
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  own(false);
  connect();
  setWords(await (await fetch("/panel/words.json")).json());
  tick();
  render();
}

start();
