// Store IT's page behind its PIN: where the till hangs, what the doctor finds, the bundle for support.
// The doctor takes as long as its slowest hop; the panel goes on meanwhile.
import { $, fill, setText, show } from "./screens.js";
import { day, hasWord, say, time } from "./text.js";

const EXAMINE_MS = 70000; // the agent gives up by itself before
const MARKS = { ok: "✓", warning: "!", failed: "✕", skipped: "–" };

let tell = null; // sends to the agent
let why = null; // says why it refused
let isBusy = false;

export function listenIt(tellAgent, whyNot) {
  [tell, why] = [tellAgent, whyNot];
  $("it-open").addEventListener("click", openIt);
  $("it-examine").addEventListener("click", examine);
  $("it-bundle").addEventListener("click", fetchBundle);
}

export function showIt(on) {
  show($("it"), on);
  $("it-pin").value = "";
  setText($("it-trouble"), "");
  if (on) openIt(); // it may still be open from before
  $(on ? "it-pin" : "help-open").focus();
}

export function pressIt(key) {
  if (key === "Enter") openIt();
  else if (key === "F2") examine();
  else if (key === "F7") fetchBundle();
}

async function openIt() {
  const pin = $("it-pin").value.trim();
  $("it-pin").value = "";
  try {
    const answer = await tell("/panel/it", { pin });
    const said = answer.ok ? await answer.json() : pin ? await why(answer) : "";
    opened(answer.ok); // with what it says, or the cashier sees a door without a word
    if (answer.ok) renderIt(said);
    else setText($("it-trouble"), said);
  } catch (_) {
    setText($("it-trouble"), say("timeout"));
  }
}

function opened(isOpen) {
  show($("it-rows"), isOpen);
  show($("it-doctor"), isOpen);
  show($("it-door"), !isOpen);
  if (isOpen) setText($("it-trouble"), "");
}

function renderIt(seen) {
  const at = (stamp) => (stamp ? `${day(stamp)} ${time(stamp)}` : "");
  const counts = Object.entries({ ...seen.lookups, ...seen.counts });
  const rows = [
    ["it_agent", `${seen.version} · ${say("shop", { s: seen.shop })} · ${say("till", { t: seen.till })} · ${seen.system}`],
    ["it_link", `${say(`link_${seen.link}`)} ${at(seen.offline_since)} ${seen.link_detail}`],
    ["it_queue", [say("queue", { n: seen.waiting }), at(seen.waiting_oldest_at), say("shelved", { n: seen.shelved })].filter(Boolean).join(" · ")],
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

// ── The doctor ───────────────────────────────────────────────────────────────────────────────────

async function asked(path) { // the answer, or null when it is told already why there is none
  if (isBusy || $("it-doctor").hidden) return null;
  busy(true);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), EXAMINE_MS);
  try {
    const answer = await tell(path, {}, abort.signal);
    if (answer.ok) return answer;
    const reason = await why(answer);
    if (answer.status === 403) opened(false); // the ten minutes of the PIN are over
    setText($("it-trouble"), reason);
  } catch (_) {
    setText($("it-trouble"), say("timeout"));
  } finally {
    clearTimeout(timer);
    busy(false);
  }
  return null;
}

function busy(on) {
  isBusy = on;
  $("it-examine").disabled = on;
  $("it-bundle").disabled = on;
  if (on) setText($("it-trouble"), "");
  setText($("it-busy"), on ? say("doctor_busy") : "");
}

async function examine() {
  const answer = await asked("/panel/it/doctor");
  if (answer) renderReport(await answer.json());
}

async function fetchBundle() {
  const answer = await asked("/panel/it/bundle");
  if (!answer) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  [, link.download] = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition")) || ["", "tillpoint.zip"];
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), EXAMINE_MS); // the browser may still be asking where to
  setText($("it-busy"), say("doctor_bundle_made", { f: link.download }));
}

function renderReport(report) {
  const first = report.findings.find((one) => one.state === "failed");
  setText($("it-first"), first ? say("doctor_first", { h: hopName(first.hop) }) : say("doctor_well"));
  $("it-first").dataset.state = first ? "failed" : "ok";
  fill($("it-hops"), report.findings, "li", (item, one) => {
    if (!item.firstChild) item.append(...["i", "b", "span", "p"].map((tag) => document.createElement(tag)));
    item.dataset.state = one.state;
    setText(item.children[0], MARKS[one.state]);
    item.children[0].title = say(`doctor_${one.state}`);
    setText(item.children[1], hopName(one.hop));
    setText(item.children[2], one.what || "");
    setText(item.children[3], one.code ? `${told("who", one.who)}: ${told("say", one.code, one.say)}` : "");
  });
  $("it-first").scrollIntoView({ block: "start" });
}

function hopName(hop) { // "device scanner" has the name that the settings give it
  const name = hop.startsWith("device ") ? hop.slice(7) : "";
  return name ? say("hop_device", { name }) : told("hop", hop);
}

function told(kind, word, otherwise = word) { // the catalogue's sentence, else the doctor's own
  const key = `${kind}_${word.toLowerCase().replace(/\W+/g, "_")}`;
  return hasWord(key) ? say(key) : otherwise;
}
