package ru.crystals.pos.spi.receipt;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public enum ReceiptType {
    SALE,
    RETURN
}
