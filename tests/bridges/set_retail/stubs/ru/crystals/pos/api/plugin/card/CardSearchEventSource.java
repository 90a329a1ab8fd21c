package ru.crystals.pos.api.plugin.card;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public enum CardSearchEventSource {
    BARCODE,
    KEYBOARD
}
