CREATE TABLE workshift (
    workshiftid BIGINT PRIMARY KEY AUTO_INCREMENT, cashcode VARCHAR(20), shopcode VARCHAR(20), shiftnum INT,
    time_beg DATETIME, time_end DATETIME NULL
);
CREATE TABLE document (
    documentid BIGINT PRIMARY KEY AUTO_INCREMENT, cashcode VARCHAR(20), workshiftid BIGINT, checknum INT, doctype INT,
    scode VARCHAR(20), time_beg DATETIME, time_end DATETIME NULL, sumb DECIMAL(20, 2), sume DECIMAL(20, 2),
    closed INT DEFAULT 0, linkeddocumentid BIGINT NULL, identifier VARCHAR(60) NULL, sumcash DECIMAL(20, 2) DEFAULT 0,
    sumnoncash DECIMAL(20, 2) DEFAULT 0, sumother DECIMAL(20, 2) DEFAULT 0
);
CREATE TABLE goodsitem (
    goodsitemid BIGINT PRIMARY KEY AUTO_INCREMENT, documentid BIGINT, code VARCHAR(100), bcode VARCHAR(100),
    name VARCHAR(200), price DECIMAL(20, 2), cquant DECIMAL(13, 3), sumb DECIMAL(20, 2), sume DECIMAL(20, 2),
    minprice DECIMAL(20, 2) NULL, opcode INT, posnum INT
);
CREATE TABLE moneyitem (
    moneyitemid BIGINT PRIMARY KEY AUTO_INCREMENT, documentid BIGINT, valcode VARCHAR(20), valutoperation INT,
    sumb DECIMAL(20, 2), sume DECIMAL(20, 2), cardnum VARCHAR(40) NULL, discnumber VARCHAR(40) NULL
);
