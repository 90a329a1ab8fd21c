package ru.crystals.pos.api.plugin.card;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class BonusOperationResponse {
    public final BonusOperationStatus status;
    public final String txId;

    public BonusOperationResponse(BonusOperationStatus status, String txId) {
        this.status = status;
        this.txId = txId;
    }
}
