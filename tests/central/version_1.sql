BEGIN TRANSACTION;
CREATE TABLE alias (
	hash VARCHAR(32) NOT NULL, 
	customer VARCHAR(64) NOT NULL, 
	mask VARCHAR(24) NOT NULL, 
	PRIMARY KEY (hash)
);
CREATE TABLE change (
	cursor BIGINT NOT NULL, 
	collection VARCHAR(32) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	removed BOOLEAN NOT NULL, 
	PRIMARY KEY (cursor), 
	UNIQUE (collection, "key")
);
CREATE TABLE contact (
	customer VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	phone VARCHAR(24) NOT NULL, 
	PRIMARY KEY (customer)
);
CREATE TABLE customer (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	phone VARCHAR(24) NOT NULL, 
	tier VARCHAR(40) NOT NULL, 
	spent_minor BIGINT NOT NULL, 
	blocked BOOLEAN NOT NULL, 
	segments JSON NOT NULL, 
	deficits JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE enrol_code (
	hash VARCHAR(64) NOT NULL, 
	shop VARCHAR(80) NOT NULL, 
	till VARCHAR(80) NOT NULL, 
	made_at VARCHAR(27) NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	used_at VARCHAR(27), 
	epoch INTEGER, 
	PRIMARY KEY (hash)
);
CREATE TABLE envelope (
	till VARCHAR(80) NOT NULL, 
	epoch INTEGER NOT NULL, 
	sequence BIGINT NOT NULL, 
	id VARCHAR(40) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	kind VARCHAR(60) NOT NULL, 
	occurred_at VARCHAR(40) NOT NULL, 
	boot_id VARCHAR(40) NOT NULL, 
	uptime_ms BIGINT NOT NULL, 
	programme_version BIGINT NOT NULL, 
	body BLOB NOT NULL, 
	received_at VARCHAR(27) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (till, epoch, sequence)
);
CREATE TABLE feed (
	id INTEGER NOT NULL, 
	cursor BIGINT NOT NULL, 
	instance VARCHAR(16) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "feed" VALUES(1,0,'1b9ea243d6f5892e');
CREATE TABLE hold (
	id VARCHAR(40) NOT NULL, 
	till VARCHAR(80) NOT NULL, 
	receipt_uid VARCHAR(80) NOT NULL, 
	customer VARCHAR(64) NOT NULL, 
	unit VARCHAR(32) NOT NULL, 
	points BIGINT NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (till, receipt_uid)
);
CREATE TABLE ledger (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	customer VARCHAR(64) NOT NULL, 
	unit VARCHAR(32) NOT NULL, 
	lot VARCHAR(120) NOT NULL, 
	amount BIGINT NOT NULL, 
	active_from VARCHAR(27), 
	expires_at VARCHAR(27), 
	reason VARCHAR(16) NOT NULL, 
	receipt_uid VARCHAR(80), 
	base_uid VARCHAR(80), 
	at VARCHAR(27) NOT NULL
);
CREATE TABLE lot (
	customer VARCHAR(64) NOT NULL, 
	id VARCHAR(120) NOT NULL, 
	unit VARCHAR(32) NOT NULL, 
	amount BIGINT NOT NULL, 
	active_from VARCHAR(27), 
	expires_at VARCHAR(27), 
	PRIMARY KEY (customer, id)
);
CREATE TABLE meta (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema_version','1');
INSERT INTO "meta" VALUES('currency','RUB');
CREATE TABLE programme (
	version BIGINT NOT NULL, 
	source BLOB NOT NULL, 
	document BLOB NOT NULL, 
	set_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (version)
);
CREATE TABLE receipt (
	uid VARCHAR(80) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	customer VARCHAR(64), 
	base_uid VARCHAR(80), 
	total_minor BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	body_hash VARCHAR(64) NOT NULL, 
	till VARCHAR(80) NOT NULL, 
	epoch INTEGER NOT NULL, 
	sequence BIGINT NOT NULL, 
	PRIMARY KEY (uid)
);
CREATE TABLE till (
	id VARCHAR(80) NOT NULL, 
	shop VARCHAR(80) NOT NULL, 
	epoch INTEGER NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	token_used BOOLEAN NOT NULL, 
	machine VARCHAR(80) NOT NULL, 
	enrolled_at VARCHAR(27) NOT NULL, 
	seen_at VARCHAR(27), 
	version VARCHAR(40) NOT NULL, 
	queue_depth BIGINT, 
	oldest_age_s BIGINT, 
	clock_offset_s BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE till_cursor (
	till VARCHAR(80) NOT NULL, 
	epoch INTEGER NOT NULL, 
	last_seq BIGINT NOT NULL, 
	head VARCHAR(64) NOT NULL, 
	duplicates BIGINT NOT NULL, 
	fork TEXT, 
	PRIMARY KEY (till, epoch)
);
CREATE INDEX receipt_base ON receipt (base_uid);
CREATE INDEX alias_customer ON alias (customer);
CREATE INDEX ledger_base ON ledger (base_uid);
CREATE INDEX ledger_receipt ON ledger (receipt_uid);
CREATE INDEX ledger_customer ON ledger (customer, unit);
CREATE INDEX hold_customer ON hold (customer, state);
COMMIT;
