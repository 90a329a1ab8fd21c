package ru.crystals.pos.api.card;

import java.math.BigDecimal;
import ru.crystals.pos.spi.receipt.BonusBalance;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class BonusBalanceEntity implements BonusBalance {
    private final BigDecimal balance;
    private BigDecimal sumToChargeOff;

    public BonusBalanceEntity(BigDecimal balance) {
        this.balance = balance;
    }

    @Override
    public BigDecimal getBalance() {
        return balance;
    }

    @Override
    public BigDecimal getSumToChargeOff() {
        return sumToChargeOff;
    }

    public void setSumToChargeOff(BigDecimal value) {
        sumToChargeOff = value;
    }
}
