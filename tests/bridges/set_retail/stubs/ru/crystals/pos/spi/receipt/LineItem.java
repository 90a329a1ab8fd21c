package ru.crystals.pos.spi.receipt;

import java.math.BigDecimal;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface LineItem {
    long getNumber();

    String getName();

    String getMarking();

    String getBarcode();

    BigDecimal getPrice();

    BigDecimal getQuantity();

    BigDecimal getSum();

    BigDecimal getMinPrice();
}
