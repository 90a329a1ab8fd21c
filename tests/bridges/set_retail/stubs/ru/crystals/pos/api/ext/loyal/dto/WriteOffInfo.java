package ru.crystals.pos.api.ext.loyal.dto;

import java.math.BigDecimal;
import ru.crystals.pos.spi.receipt.BonusBalance;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class WriteOffInfo {
    public final BigDecimal most;

    public WriteOffInfo(BonusBalance balance, BigDecimal most) {
        this.most = most;
    }
}
