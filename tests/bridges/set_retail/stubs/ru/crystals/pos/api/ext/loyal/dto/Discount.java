package ru.crystals.pos.api.ext.loyal.dto;

import java.math.BigDecimal;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class Discount {
    private final long posNo;
    private final BigDecimal value;
    private final String discountCode;

    public Discount(long posNo, String cardNumber, BigDecimal value, String discountCode) {
        this.posNo = posNo;
        this.value = value;
        this.discountCode = discountCode;
    }

    public long getPosNo() {
        return posNo;
    }

    public BigDecimal getValue() {
        return value;
    }

    public String getDiscountCode() {
        return discountCode;
    }
}
