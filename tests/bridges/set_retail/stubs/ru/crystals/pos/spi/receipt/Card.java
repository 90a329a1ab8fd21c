package ru.crystals.pos.spi.receipt;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface Card {
    String getId();

    String getCardNumber();

    String getProcessingId();

    BonusBalance getBonusBalance();
}
