// The customer's screen: shows what the agent tells it and sends nothing. Without a line to the agent it forgets all.
import { day, hasWord, isNothing, money, say, setWords, whole } from "./text.js";

const THANKS_MS = 8000;
const RETRY_MS = [500, 1000, 2000, 5000];

const $ = (id) => document.getElementById(id);
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };

let told = null;
let seen = null; // the receipt that was the last one when this page opened, or was shown since
let thanksUntil = 0;
let tries = 0;

function fill(list, texts, tag) {
  texts.forEach((text, place) => setText(list.children[place] || list.appendChild(document.createElement(tag)), text));
  while (list.children.length > texts.length) list.lastChild.remove();
}

function screenNow() {
  if (!told) return "welcome";
  if (told.consents.length) return "joining";
  if (told.is_member) return "member";
  return Date.now() < thanksUntil ? "thanks" : "welcome";
}

const points = (of) => Object.values(of).map((n) => whole(String(n))).join(" + ");

function sums(now) {
  if (now === "thanks") {
    const { last } = told;
    return [
      ["total", money(last.total)], ["discount", isNothing(last.discount) ? "" : `−${money(last.discount)}`],
      ["cd_spent", isNothing(last.spent) ? "" : whole(last.spent)],
      ["earned", isNothing(last.earned) ? "" : `+${whole(last.earned)}`],
    ];
  }
  if (!told || !told.total || now === "joining") return [];
  return [
    ["total", money(told.total)], ["discount", isNothing(told.discount) ? "" : `−${money(told.discount)}`],
    ["cd_spent", points(told.spend)], ["payable", money(told.payable), "big"],
    ["will_earn", points(told.earn) && points(told.earn) !== "0" ? `+${points(told.earn)}` : "", "good"],
  ];
}

function renderMember() {
  const [first, ...others] = told.balances;
  setText($("name"), told.name ? say("cd_hello", { name: told.name }) : say("cd_hello_nobody"));
  setText($("balance"), whole(String(first ? first.available : 0)));
  const expires = first && first.expiring && first.expiring_at;
  const when = expires ? { n: whole(String(first.expiring)), d: day(first.expiring_at) } : {};
  setText($("expires"), expires ? say("expiring", when) : "");
  fill($("other"), others.map((one) => `${one.unit}: ${whole(String(one.available))}`), "li");
}

function render() {
  const now = screenNow();
  document.body.dataset.screen = now;
  for (const one of ["welcome", "member", "joining", "thanks"]) $(one).hidden = one !== now;
  if (told && told.title) setText($("title"), told.title);
  if (now === "member") renderMember();
  else for (const one of ["name", "balance", "expires", "other"]) setText($(one), ""); // not even hidden in the page
  if (now === "joining") fill($("consents"), told.consents.map(consent), "li");
  const rows = sums(now).filter((row) => row[1]);
  fill($("sums"), rows.map(() => ""), "div");
  rows.forEach(([word, text, look], place) => {
    const line = $("sums").children[place];
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    line.className = look || "";
    dt.textContent = say(word);
    dd.textContent = text;
    line.append(dt, dd);
  });
  fill($("notes"), now === "member" ? told.notes : [], "li");
  setText($("live"), now === "member" ? `${say("balance")} ${$("balance").textContent}` : "");
}

function consent(one) {
  const word = `consent_${one.purpose}`;
  const text = one.text || (hasWord(word) ? say(word) : one.purpose);
  return `${one.given ? "✓" : "○"} ${text} ${say(one.required ? "consent_required" : "consent_optional")}`;
}

function accept(fresh) {
  if (seen !== null && fresh.last.uid && fresh.last.uid !== seen) {
    thanksUntil = Date.now() + THANKS_MS;
    setTimeout(render, THANKS_MS + 10);
  }
  seen = fresh.last.uid || "";
  told = fresh;
  render();
}

function connect() {
  const source = new EventSource("/panel/customer/stream");
  source.addEventListener("hello", (event) => {
    if (JSON.parse(event.data).mark !== document.documentElement.dataset.mark) location.reload();
    tries = 0;
  });
  source.addEventListener("snapshot", (event) => accept(JSON.parse(event.data)));
  source.onerror = () => {
    source.close();
    told = null;
    render();
    setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}

fetch("/panel/words.json").then((answer) => answer.json()).then((words) => {
  setWords(words);
  connect();
});
