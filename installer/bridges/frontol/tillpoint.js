// Frontol 5 and 6 ask Tillpoint by this script where there is no Priority API; all it knows of loyalty is whom to ask.
//
// Put it into the script of Frontol's settings and make, as README.md says: two marketing actions "from script"
// (TillpointLine on a position, TillpointPoints on the document) and two keys (TillpointPhone, TillpointPay).
// ECMAScript 3 only: this runs in JScript of Windows. The sale never waits longer than timeoutMs for an answer, and is
// never refused because there is none.

var TILLPOINT = {
    url: "http://127.0.0.1:8765",
    // The local API's key: as text, or the file it is in (copied from the agent's state folder).
    token: "",
    tokenFile: "C:\\ProgramData\\Tillpoint\\api.token",
    // Closed receipts wait here until the agent has them; one file each.
    queue: "C:\\ProgramData\\Tillpoint\\frontol-queue",
    timeoutMs: 3000,
    currency: "RUB",
    // Frontol's payment codes: what they are called here; every other code is otherTender.
    tenders: { "1": "cash" },
    otherTender: "card",
    saleType: 1,
    returnType: 2,
    sendAtOnce: 5
};

var TP_SAY = {
    offline: "Нет связи с агентом лояльности",
    offlinePay: "Нет связи с агентом лояльности: бонусами сейчас не оплатить",
    blocked: "Карта клиента заблокирована",
    expired: "Код из приложения устарел, нужен новый",
    notFound: "Клиент не найден",
    badPhone: "Неверный номер телефона",
    askPhone: "Телефон клиента, 10 цифр, начиная с 9:",
    askPoints: "Оплатить бонусами, не больше ",
    noClient: "Сначала карта или телефон клиента",
    noPoints: "На этот чек бонусами не оплатить",
    fewer: "Бонусами можно оплатить не больше ",
    differs: "Скидка по бонусам не применилась: снимите её и повторите. Ожидалось к оплате ",
    refused: "Чек не принят агентом лояльности: "
};

var tpState = { lines: {}, byPoints: 0, payable: -1, busy: false, silent: false };

function init() {
    frontol.addEventListener("openSession", "tpAfterOpenSession", false);
    frontol.addEventListener("openDocument", "tpAfterOpenDocument", false);
    frontol.addEventListener("addCard", "tpBeforeAddCard", true);
    frontol.addEventListener("addPosition", "tpAfterPosition", false);
    frontol.addEventListener("changePosition", "tpAfterPosition", false);
    frontol.addEventListener("addPayment", "tpBeforeAddPayment", true);
    frontol.addEventListener("closeDocument", "tpAfterCloseDocument", false);
    frontol.addEventListener("cancelDocument", "tpBeforeCancelDocument", true);
}

// ── Events ──────────────────────────────────────────────────────────────────────────────────────

function tpAfterOpenSession() {
    tpSendQueue();
}

function tpAfterOpenDocument() {
    if (!tpIsOurs()) {
        return;
    }
    // A return "on basis" carries the values of its sale: the old uid names what is taken back.
    var base = tpIsReturn() ? tpGet("TpUid") : "";
    tpForget();
    tpSet("TpUid", tpNewUid());
    tpSet("TpBase", base);
    tpSet("TpClient", "");
    tpSet("TpCode", "");
    tpSet("TpCustomer", "");
    tpSet("TpAvailable", "0");
    tpSet("TpPoints", "0");
    tpSet("TpMessage", "");
    if (!tpSendQueue()) {
        tpSet("TpMessage", TP_SAY.offline);
    }
    if (tpIsReturn()) {
        tpIdentifyCards();
    }
}

function tpBeforeAddCard(card) {
    if (tpIsOurs()) {
        tpIdentify("" + card.value, true);
    }
}

function tpAfterPosition(position) {
    if (tpIsSale() && !tpState.busy) {
        tpQuote();
    }
}

function tpBeforeAddPayment(payment) {
    // Points are the customer's: they are taken only when the receipt is lower by them.
    if (!tpIsSale() || tpMinor(tpGet("TpPoints")) === 0) {
        return;
    }
    if (tpMinor(frontol.currentDocument.totalSum) !== tpState.payable) {
        frontol.actions.showError(TP_SAY.differs + tpAmount(tpState.payable));
    }
}

function tpAfterCloseDocument() {
    if (!tpIsOurs()) {
        return;
    }
    var isReturn = tpIsReturn();
    var receipt = tpReceipt(isReturn ? "return" : "sale", true);
    var body = { receipt: receipt };
    if (isReturn) {
        if (tpGet("TpBase")) {
            receipt.base_uid = tpGet("TpBase");
        }
        if (tpGet("TpCustomer")) {
            body.customer_id = tpGet("TpCustomer");
        }
    } else if (tpGet("TpCode")) {
        body.code = tpGet("TpCode");
    }
    tpForget();
    tpEnqueue(receipt.uid, isReturn ? "refund" : "confirm", tpJson(body));
}

function tpBeforeCancelDocument() {
    if (tpIsSale() && tpGet("TpUid")) {
        tpCall("cancel", tpJson({ receipt_uid: tpGet("TpUid") }));
    }
    tpForget();
}

// ── Keys and marketing actions ──────────────────────────────────────────────────────────────────

// A key: the customer says a phone.
function TillpointPhone() {
    var typed = frontol.actions.inputString(TP_SAY.askPhone, "", 10, 0);
    if (typed === null || typed === "") {
        return;
    }
    if (!/^9[0-9]{9}$/.test(typed)) {
        frontol.actions.showMessage(TP_SAY.badPhone, Icon.Error);
        return;
    }
    tpIdentify("+7" + typed, false);
}

// A key: the customer pays with points. 0 gives them back.
function TillpointPay() {
    var most = tpGet("TpAvailable");
    var typed, points;
    if (!tpIsSale()) {
        return;
    }
    if (!tpGet("TpClient")) {
        frontol.actions.showMessage(tpGet("TpCode") ? TP_SAY.offlinePay : TP_SAY.noClient, Icon.Error);
        return;
    }
    typed = frontol.actions.inputString(TP_SAY.askPoints + most, most, 10, 0);
    if (typed === null || typed === "") {
        return;
    }
    points = tpMinor(("" + typed).replace(",", "."));
    tpSet("TpPoints", tpAmount(points > 0 ? points : 0));
    if (!tpQuote()) {
        tpSet("TpPoints", "0");
        frontol.actions.showMessage(TP_SAY.offlinePay, Icon.Error);
    } else if (points > 0 && tpMinor(tpGet("TpPoints")) === 0) {
        frontol.actions.showMessage(TP_SAY.noPoints, Icon.Error);
    } else if (tpMinor(tpGet("TpPoints")) < points) {
        frontol.actions.showMessage(TP_SAY.fewer + tpGet("TpPoints"), Icon.Error);
    }
}

// A marketing action on a position: what to take off it.
function TillpointLine(position) {
    var off = tpState.silent ? 0 : tpState.lines["" + position.id];
    if (!off) {
        frontol.actions.cancel();
        return 0;
    }
    return off / 100;
}

// A marketing action on the document: points that are no discount of any line.
function TillpointPoints() {
    if (tpState.silent || tpState.byPoints === 0) {
        frontol.actions.cancel();
        return 0;
    }
    return tpState.byPoints / 100;
}

// ── Asking ──────────────────────────────────────────────────────────────────────────────────────

function tpIdentify(code, isRead) {
    var answer = tpCall("identify", tpJson({ code: code, presented: isRead, receipt_uid: tpUid() }));
    var found = answer.value;
    if (!answer.ok) {
        // Nobody answers: the receipt takes the code along, and its points are worked out later.
        tpSet("TpCode", code);
        tpSet("TpMessage", TP_SAY.offline);
        if (!isRead) {
            frontol.actions.showMessage(TP_SAY.offline, Icon.Error);
        }
        return;
    }
    if (found.state === "found") {
        tpSet("TpClient", found.customer.name || found.mask);
        tpSet("TpCustomer", found.customer.id);
        tpSet("TpMessage", "");
        if (tpIsSale()) {
            tpQuote();
        }
    } else if (found.state === "blocked") {
        frontol.actions.showMessage(TP_SAY.blocked, Icon.Error);
    } else if (found.state === "expired") {
        frontol.actions.showMessage(TP_SAY.expired, Icon.Error);
    } else if (!isRead) {
        frontol.actions.showMessage(TP_SAY.notFound, Icon.Error);
    }
    // A card that is none of ours is Frontol's own business.
}

function tpIdentifyCards() {
    var cards = frontol.currentDocument.card;
    for (cards.index = 1; cards.index <= cards.count; cards.index++) {
        tpIdentify("" + cards.value, true);
    }
}

// Asks what to take off and lets Frontol work it out again; false when nobody answered.
function tpQuote() {
    var asked = tpMinor(tpGet("TpPoints"));
    var receipt, answer, lines, i, unit;
    tpState.busy = true;
    // The till's own prices are those without our discounts.
    tpState.silent = true;
    frontol.currentDocument.recalculateAllDiscounts();
    receipt = tpReceipt("sale", false);
    tpState.silent = false;
    tpForgetQuote();
    if (receipt.lines.length > 0) {
        answer = tpCall("quote", tpJson({ receipt: receipt, points_worth: tpMoney(asked) }));
        if (answer.ok) {
            lines = answer.value.lines;
            for (i = 0; i < lines.length; i++) {
                tpState.lines[receipt.ids[i]] = tpMinor(lines[i].discount);
                tpState.byPoints += tpMinor(lines[i].total);
            }
            tpState.payable = tpMinor(answer.value.payable);
            // What the lines cost less what is to pay: points beside the prices. Nothing when points lower the prices.
            tpState.byPoints -= tpState.payable;
            tpSet("TpPoints", tpAmount(tpSpent(answer.value)));
            tpSet("TpAvailable", "0");
            for (unit in answer.value.spendable_worth || {}) {
                tpSet("TpAvailable", tpAmount(tpMinor(answer.value.spendable_worth[unit])));
                break;
            }
        } else {
            tpSet("TpPoints", "0");
            tpSet("TpMessage", TP_SAY.offline);
        }
    }
    frontol.currentDocument.recalculateAllDiscounts();
    tpState.busy = false;
    return receipt.lines.length === 0 || answer.ok;
}

function tpSpent(quote) {
    var effects = quote.decision.effects || [];
    var i;
    for (i = 0; i < effects.length; i++) {
        if (effects[i].effect === "points_spent") {
            return tpMinor(effects[i].worth);
        }
    }
    return 0;
}

// ── The receipt ─────────────────────────────────────────────────────────────────────────────────

// The document as the contract has it. `ids` are Frontol's own names of the lines, and no part of what is sent.
function tpReceipt(kind, isClosed) {
    var doc = frontol.currentDocument;
    var receipt = { uid: tpUid(), kind: kind, lines: [], ids: [], number: "" + doc.number, toJson: ["ids", "toJson"] };
    var made = 0;
    var total, line;
    for (doc.position.index = 1; doc.position.index <= doc.position.count; doc.position.index++) {
        if (doc.position.storno == 0 && doc.position.quantity > 0) {
            line = tpLine(doc.position, receipt.lines.length + 1);
            made += tpMinor(line.total);
            receipt.lines.push(line);
            receipt.ids.push("" + doc.position.id);
        }
    }
    total = isClosed ? Math.abs(tpMinor(doc.totalSum)) : made;
    receipt.total = tpMoney(total);
    if (total !== made) {
        receipt.adjustment = tpMoney(total - made);
    }
    if (frontol.sessionNumber) {
        receipt.shift = Number(frontol.sessionNumber);
    }
    if (doc.openUser && doc.openUser.name) {
        receipt.cashier = "" + doc.openUser.name;
    }
    if (isClosed) {
        receipt.closed_at = tpNow();
        tpPayments(receipt, total);
    }
    return receipt;
}

function tpLine(position, number) {
    var quantity = Math.round(Math.abs(position.quantity) * 1000);
    var before = Math.abs(tpMinor(position.sum));
    var total = Math.abs(tpMinor(position.totalSum));
    var price = tpMinor(position.ware.price);
    var off, line;
    if (Math.round(price * quantity / 1000) !== before || before < total) {
        // A special price: that of one which makes the sum, or the next higher one, and the rest is a discount.
        price = Math.ceil((before > total ? before : total) * 1000 / quantity - 0.000001);
    }
    off = Math.round(price * quantity / 1000) - total;
    line = {
        number: number,
        name: "" + position.ware.name,
        product_id: "" + position.ware.code,
        quantity: tpThousandths(quantity),
        price: tpMoney(price),
        total: tpMoney(total)
    };
    if (off > 0) {
        line.discount = tpMoney(off);
    }
    if (position.ware.minPrice > 0) {
        line.price_floor = tpMoney(tpMinor(position.ware.minPrice));
    }
    if (position.ware.maxDiscount > 0 && position.ware.maxDiscount < 100) {
        line.discount_max = tpAmount(Math.round(position.ware.maxDiscount * 100));
    }
    return line;
}

function tpPayments(receipt, total) {
    var payments = frontol.currentDocument.payment;
    var tenders = [];
    var paid = 0;
    var cash = 0;
    var amount, kind;
    for (payments.index = 1; payments.index <= payments.count; payments.index++) {
        amount = Math.abs(tpMinor(payments.sumInBaseCurrency));
        kind = TILLPOINT.tenders["" + payments.type.code] || TILLPOINT.otherTender;
        if (amount > 0) {
            tenders.push({ kind: kind, amount: tpMoney(amount) });
            paid += amount;
            cash += kind === "cash" ? amount : 0;
        }
    }
    // What does not make the total is not told: the receipt counts all the same.
    if (paid === total || (paid > total && paid - total <= cash)) {
        receipt.tenders = tenders;
        if (paid > total) {
            receipt.change = tpMoney(paid - total);
        }
    }
}

// ── What waits for the agent ────────────────────────────────────────────────────────────────────

// On disk first, then sent: a cut in power between the two costs nothing, for the agent takes each uid once.
function tpEnqueue(uid, name, body) {
    var path = TILLPOINT.queue + "\\" + uid;
    var files, file;
    try {
        files = tpFiles();
        file = files.CreateTextFile(path + ".tmp", true, true);
        file.Write(name + "\n" + body);
        file.Close();
        files.MoveFile(path + ".tmp", path + ".json");
    } catch (error) {
        // No room on disk, or no right to write: the agent alone keeps it then.
        tpReport(tpCall(name, body));
        return;
    }
    tpSendFile(path + ".json", false);
}

// Sends what waits, a few at a time; false when nobody answers.
function tpSendQueue() {
    var left = TILLPOINT.sendAtOnce;
    var paths = [];
    var i, each;
    try {
        each = new Enumerator(tpFiles().GetFolder(TILLPOINT.queue).Files);
        for (; !each.atEnd() && paths.length < left; each.moveNext()) {
            if (/\.json$/.test("" + each.item().Path)) {
                paths.push("" + each.item().Path);
            }
        }
    } catch (error) {
        paths = [];
    }
    for (i = 0; i < paths.length; i++) {
        if (!tpSendFile(paths[i], true)) {
            return false;
        }
    }
    return paths.length > 0 || tpIsThere();
}

// One closed receipt; the file goes when the agent has it, or will never take it. False when nobody answers.
function tpSendFile(path, isLate) {
    var files, file, text, cut, name, body, answer;
    try {
        files = tpFiles();
        file = files.OpenTextFile(path, 1, false, -1);
        text = file.ReadAll();
        file.Close();
    } catch (error) {
        return true;
    }
    cut = text.indexOf("\n");
    name = text.substring(0, cut);
    body = text.substring(cut + 1);
    if (isLate && name === "confirm") {
        body = '{"late":true,' + body.substring(1);
    }
    answer = tpCall(name, body);
    if (answer.ok) {
        files.DeleteFile(path, true);
    } else if (answer.status >= 400 && answer.status < 500 && answer.status !== 401 && answer.status !== 408) {
        files.MoveFile(path, path.replace(/json$/, "refused"));
        tpReport(answer);
        return true;
    }
    return answer.ok;
}

function tpReport(answer) {
    if (!answer.ok && answer.value && answer.value.message) {
        frontol.actions.showMessage(TP_SAY.refused + answer.value.message, Icon.Error);
    }
}

function tpFiles() {
    var files = new ActiveXObject("Scripting.FileSystemObject");
    if (!files.FolderExists(TILLPOINT.queue)) {
        files.CreateFolder(TILLPOINT.queue);
    }
    return files;
}

// ── The wire ────────────────────────────────────────────────────────────────────────────────────

function tpCall(name, body) {
    return tpRequest("POST", "/v1/" + name, body);
}

function tpIsThere() {
    return tpRequest("GET", "/healthz", null).ok;
}

// {ok, status, value}: status 0 when nobody answers within timeoutMs.
function tpRequest(method, path, body) {
    var limit = TILLPOINT.timeoutMs;
    var status = 0;
    var http, value;
    try {
        http = new ActiveXObject("MSXML2.ServerXMLHTTP.6.0");
        http.setTimeouts(limit, limit, limit, limit);
        http.open(method, TILLPOINT.url + path, false);
        http.setRequestHeader("Content-Type", "application/json; charset=utf-8");
        http.setRequestHeader("Authorization", "Bearer " + tpToken());
        http.send(body);
        status = http.status;
        value = tpParse("" + http.responseText);
    } catch (error) {
        return { ok: false, status: status, value: null };
    }
    return { ok: status === 200 && value !== null, status: status, value: value };
}

function tpToken() {
    var file, text;
    if (TILLPOINT.token === "") {
        file = new ActiveXObject("Scripting.FileSystemObject").OpenTextFile(TILLPOINT.tokenFile, 1, false, 0);
        text = file.ReadAll();
        file.Close();
        TILLPOINT.token = text.replace(/^\s+/, "").replace(/\s+$/, "");
    }
    return TILLPOINT.token;
}

function tpJson(value) {
    var parts = [];
    var i, name, hidden;
    if (value === null || value === undefined) {
        return "null";
    }
    if (typeof value === "string") {
        return tpQuoted(value);
    }
    if (typeof value === "number" || typeof value === "boolean") {
        return "" + value;
    }
    if (value instanceof Array) {
        for (i = 0; i < value.length; i++) {
            parts.push(tpJson(value[i]));
        }
        return "[" + parts.join(",") + "]";
    }
    hidden = value.toJson ? "," + value.toJson.join(",") + "," : ",";
    for (name in value) {
        if (value.hasOwnProperty(name) && hidden.indexOf("," + name + ",") < 0) {
            parts.push(tpQuoted(name) + ":" + tpJson(value[name]));
        }
    }
    return "{" + parts.join(",") + "}";
}

function tpQuoted(text) {
    var out = "";
    var i, code;
    for (i = 0; i < text.length; i++) {
        code = text.charCodeAt(i);
        if (code === 34 || code === 92) {
            out += "\\" + text.charAt(i);
        } else if (code < 32 || code > 126) {
            out += "\\u" + ("0000" + code.toString(16)).slice(-4);
        } else {
            out += text.charAt(i);
        }
    }
    return '"' + out + '"';
}

// JSON to a value, null for anything else: nothing is run that is not plain data.
function tpParse(text) {
    var bare = text.replace(/"(\\.|[^"\\])*"/g, "0");
    if (text === "" || !/^[\s\d\-+.eE,:{}\[\]truefalsn]*$/.test(bare)) {
        return null;
    }
    return eval("(" + text.replace(/\u2028/g, "\\u2028").replace(/\u2029/g, "\\u2029") + ")");
}

// ── Small things ────────────────────────────────────────────────────────────────────────────────

function tpIsSale() {
    return frontol.currentDocument.type.code == TILLPOINT.saleType;
}

function tpIsReturn() {
    return frontol.currentDocument.type.code == TILLPOINT.returnType;
}

function tpIsOurs() {
    return tpIsSale() || tpIsReturn();
}

function tpGet(name) {
    var value = frontol.currentDocument.userValues.get(name);
    return value === null || value === undefined ? "" : "" + value;
}

function tpSet(name, value) {
    frontol.currentDocument.userValues.set(name, "" + value);
}

// The receipt's own name; the script may have been loaded in the middle of a document.
function tpUid() {
    if (!tpGet("TpUid")) {
        tpSet("TpUid", tpNewUid());
    }
    return tpGet("TpUid");
}

function tpNewUid() {
    return "frontol-" + new Date().getTime() + "-" + Math.floor(Math.random() * 1000000000);
}

function tpForget() {
    tpForgetQuote();
    tpState.busy = false;
    tpState.silent = false;
}

function tpForgetQuote() {
    tpState.lines = {};
    tpState.byPoints = 0;
    tpState.payable = -1;
}

// Kopecks of a number of roubles, or of text such as "124.50 RUB".
function tpMinor(amount) {
    var value = typeof amount === "number" ? amount : parseFloat("" + amount);
    return isNaN(value) ? 0 : Math.round(value * 100);
}

function tpAmount(minor) {
    var whole = Math.floor(Math.abs(minor) / 100);
    return (minor < 0 ? "-" : "") + whole + "." + ("0" + Math.abs(minor) % 100).slice(-2);
}

function tpMoney(minor) {
    return tpAmount(minor) + " " + TILLPOINT.currency;
}

function tpThousandths(steps) {
    return Math.floor(steps / 1000) + "." + ("00" + steps % 1000).slice(-3);
}

function tpTwo(number) {
    return ("0" + number).slice(-2);
}

// This moment with the machine's own offset.
function tpNow() {
    var at = new Date();
    var offset = -at.getTimezoneOffset();
    var off = Math.abs(offset);
    return at.getFullYear() + "-" + tpTwo(at.getMonth() + 1) + "-" + tpTwo(at.getDate()) + "T" + tpTwo(at.getHours()) +
        ":" + tpTwo(at.getMinutes()) + ":" + tpTwo(at.getSeconds()) + (offset < 0 ? "-" : "+") +
        tpTwo(Math.floor(off / 60)) + ":" + tpTwo(off % 60);
}
