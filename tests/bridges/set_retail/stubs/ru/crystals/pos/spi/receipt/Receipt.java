package ru.crystals.pos.spi.receipt;

import java.util.List;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface Receipt {
    ReceiptType getType();

    int getNumber();

    int getShiftNo();

    List<LineItem> getLineItems();

    List<Card> getCards();
}
