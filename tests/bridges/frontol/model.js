// Frontol's script object model as far as the bridge uses it, and JScript's own objects; made for tests of ours.
// Whatever ECMAScript 5 brought is taken away first, so that a script that leans on it fails here too.

var NATIVE = { parse: JSON.parse, stringify: JSON.stringify };
delete this.JSON;
(function (gone) {
    for (var i = 0; i < gone.length; i++) {
        delete gone[i][0][gone[i][1]];
    }
})([
    [Array, "isArray"], [Array.prototype, "indexOf"], [Array.prototype, "lastIndexOf"], [Array.prototype, "forEach"],
    [Array.prototype, "map"], [Array.prototype, "filter"], [Array.prototype, "some"], [Array.prototype, "every"],
    [Array.prototype, "reduce"], [Object, "keys"], [Object, "create"], [Object, "freeze"], [String.prototype, "trim"],
    [Date, "now"], [Date.prototype, "toISOString"], [Date.prototype, "toJSON"], [Function.prototype, "bind"]
]);

var Icon = { Error: 1, Information: 2 };
var seen = { messages: [], errors: [] };
var answers = [];
var handlers = [];
var documents = 0;
// How this Frontol treats a discount of the whole document: beside the lines, or spread over them.
var spreads = false;
var saved = {};

function Refusal(text) { this.text = text; }

function cursor(items) {
    var one = { index: 1 };
    Object.defineProperty(one, "count", { get: function () { return items().length; } });
    return one;
}

function field(on, items, name, read) {
    Object.defineProperty(on, name, { get: function () { return read(items()[on.index - 1]); } });
}

function Position(id, code, name, price, quantity, more) {
    this.id = id;
    this.quantity = quantity;
    this.storno = 0;
    this.sum = Math.round(price * quantity * 100) / 100;
    this.own = 0;
    this.totalSum = this.sum;
    this.ware = { code: code, name: name, price: price, minPrice: 0, maxDiscount: 0 };
    for (var key in more || {}) { this.ware[key] = more[key]; }
}

function Doc(type, values, cards) {
    var self = this;
    documents++;
    self.lines = [];
    self.cards = cards || [];
    self.paid = [];
    self.values = values || {};
    self.type = { code: type, name: type === 1 ? "Продажа" : "Возврат" };
    self.number = 100 + documents;
    self.openUser = { code: 1, name: "Ольга" };
    self.docOff = 0;
    self.userValues = {
        get: function (name) { return self.values[name] === undefined ? "" : self.values[name]; },
        set: function (name, value) {
            if (typeof value !== "string") { throw new Error("a user value is text: " + name); }
            self.values[name] = value;
        }
    };
    self.position = cursor(function () { return self.lines; });
    var names = ["id", "quantity", "storno", "sum", "totalSum", "ware"];
    for (var i = 0; i < names.length; i++) {
        (function (name) {
            field(self.position, function () { return self.lines; }, name, function (line) { return line[name]; });
        })(names[i]);
    }
    self.card = cursor(function () { return self.cards; });
    field(self.card, function () { return self.cards; }, "value", function (card) { return card; });
    self.payment = cursor(function () { return self.paid; });
    field(self.payment, function () { return self.paid; }, "type", function (one) { return { code: one[0] }; });
    field(self.payment, function () { return self.paid; }, "sumInBaseCurrency", function (one) { return one[1]; });
    Object.defineProperty(self, "totalSum", { get: function () {
        var sum = 0;
        for (var n = 0; n < self.lines.length; n++) { sum += self.lines[n].storno ? 0 : self.lines[n].totalSum; }
        return Math.round((sum - (spreads ? 0 : self.docOff)) * 100) / 100;
    } });
    self.recalculateAllDiscounts = function () { recalculate(self); };
}

var cancelled = false;

function given(name, argument) {
    cancelled = false;
    var off = this[name](argument);
    return cancelled ? 0 : off;
}

function recalculate(doc) {
    var left = 0, n, line, share;
    for (n = 0; n < doc.lines.length; n++) {
        line = doc.lines[n];
        line.totalSum = Math.round((line.sum - line.own - given("TillpointLine", line)) * 100) / 100;
        left += line.totalSum;
    }
    doc.docOff = given("TillpointPoints");
    if (spreads) {
        var rest = Math.round(doc.docOff * 100);
        for (n = 0; n < doc.lines.length; n++) {
            line = doc.lines[n];
            share = n === doc.lines.length - 1 ? rest : Math.floor(doc.docOff * 100 * line.totalSum / left);
            rest -= share;
            line.totalSum = Math.round(line.totalSum * 100 - share) / 100;
        }
    }
}

function fire(event, before, argument) {
    for (var i = 0; i < handlers.length; i++) {
        if (handlers[i][0] === event && handlers[i][2] === before) { this[handlers[i][1]](argument); }
    }
}

var frontol = {
    currentDocument: null,
    sessionNumber: 45,
    addEventListener: function (event, name, before) { handlers.push([event, name, before]); },
    actions: {
        showError: function (text) { seen.errors.push(text); throw new Refusal(text); },
        showMessage: function (text) { seen.messages.push(text); },
        inputString: function () { return answers.length ? answers.shift() : null; },
        cancel: function () { cancelled = true; }
    }
};

// What a cashier does; false when a handler refused it.
var cashier = {
    act: function (event, argument, work) {
        try { fire(event, true, argument); } catch (refused) {
            if (!(refused instanceof Refusal)) { throw refused; }
            return false;
        }
        work();
        fire(event, false, argument);
        return true;
    },
    open: function (type, values, cards) {
        frontol.currentDocument = new Doc(type, values, cards);
        fire("openDocument", false);
    },
    add: function (line) {
        return this.act("addPosition", line, function () { frontol.currentDocument.lines.push(line); });
    },
    change: function (line) { return this.act("changePosition", line, function () {}); },
    card: function (value) {
        return this.act("addCard", { value: value }, function () { frontol.currentDocument.cards.push(value); });
    },
    pay: function (code, sum) {
        var one = { type: { code: code }, sumInBaseCurrency: sum };
        return this.act("addPayment", one, function () { frontol.currentDocument.paid.push([code, sum]); });
    },
    close: function () {
        saved[frontol.currentDocument.values.TpUid] = frontol.currentDocument;
        return this.act("closeDocument", undefined, function () {});
    },
    cancel: function () { return this.act("cancelDocument", undefined, function () {}); }
};

// ── What Windows brings ─────────────────────────────────────────────────────────────────────────

function ActiveXObject(name) {
    if (name === "MSXML2.ServerXMLHTTP.6.0") { return new Http(); }
    if (name === "Scripting.FileSystemObject") { return new Files(); }
    throw new Error("Automation server can't create object: " + name);
}

function Http() {
    var self = this, method, url, headers = {};
    self.setTimeouts = function (a, b, c, d) { if (!(d <= 3000)) { throw new Error("too patient"); } };
    self.open = function (how, where, later) { if (later) { throw new Error("asynchronous"); } method = how; url = where; };
    self.setRequestHeader = function (name, value) { headers[name] = value; };
    self.send = function (body) {
        var got = call_python("http", method, url, headers, body === null || body === undefined ? "" : body);
        if (!got.status) { throw new Error("the server cannot be reached"); }
        self.status = got.status;
        self.responseText = got.text;
    };
}

function Files() {
    function ask(what, path, more) {
        var got = call_python("files", what, path, more === undefined ? "" : more);
        if (got.error) { throw new Error(got.error); }
        return got.value;
    }
    this.FolderExists = function (path) { return ask("is_folder", path); };
    this.CreateFolder = function (path) { ask("make_folder", path); };
    this.DeleteFile = function (path) { ask("delete", path); };
    this.MoveFile = function (path, to) { ask("move", path, to); };
    this.CreateTextFile = function (path, over, unicode) {
        var text = "";
        if (!unicode) { throw new Error("Cyrillic needs a file in Unicode"); }
        return { Write: function (more) { text += more; }, Close: function () { ask("write", path, text); } };
    };
    this.OpenTextFile = function (path, how, make, format) {
        return {
            ReadAll: function () { return ask(format === -1 ? "read_unicode" : "read", path); }, Close: function () {}
        };
    };
    this.GetFolder = function (path) {
        return { Files: ask("list", path) };
    };
}

function Enumerator(items) {
    var at = 0;
    this.atEnd = function () { return at >= items.length; };
    this.moveNext = function () { at++; };
    this.item = function () { return { Path: items[at] }; };
}
