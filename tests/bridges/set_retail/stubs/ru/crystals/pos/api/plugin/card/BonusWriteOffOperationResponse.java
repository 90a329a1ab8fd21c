package ru.crystals.pos.api.plugin.card;

import java.math.BigDecimal;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class BonusWriteOffOperationResponse extends BonusOperationResponse {
    public BonusWriteOffOperationResponse(BonusOperationStatus status, String txId, BigDecimal amount) {
        super(status, txId);
    }
}
