package ru.crystals.pos.api.card;

import ru.crystals.pos.spi.receipt.BonusBalance;
import ru.crystals.pos.spi.receipt.Card;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class CardEntity implements Card {
    private String id;

    public String getId() {
        return id;
    }

    public void setId(String value) {
        id = value;
    }

    private String cardNumber;

    public String getCardNumber() {
        return cardNumber;
    }

    public void setCardNumber(String value) {
        cardNumber = value;
    }

    private String processingId;

    public String getProcessingId() {
        return processingId;
    }

    public void setProcessingId(String value) {
        processingId = value;
    }

    private BonusBalance bonusBalance;

    public BonusBalance getBonusBalance() {
        return bonusBalance;
    }

    public void setBonusBalance(BonusBalance value) {
        bonusBalance = value;
    }
}
