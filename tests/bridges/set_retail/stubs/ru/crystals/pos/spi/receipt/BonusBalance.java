package ru.crystals.pos.spi.receipt;

import java.math.BigDecimal;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface BonusBalance {
    BigDecimal getBalance();

    BigDecimal getSumToChargeOff();
}
