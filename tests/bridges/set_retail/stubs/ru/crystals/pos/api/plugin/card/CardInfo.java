package ru.crystals.pos.api.plugin.card;

import java.util.LinkedHashMap;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class CardInfo {
    public CardInfo(CardSearchResponseStatus status, LinkedHashMap<String, String> rows) {
    }
}
