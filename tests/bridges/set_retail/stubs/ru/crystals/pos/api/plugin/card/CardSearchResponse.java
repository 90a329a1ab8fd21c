package ru.crystals.pos.api.plugin.card;

import java.util.ArrayList;
import java.util.List;
import ru.crystals.pos.spi.receipt.Card;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class CardSearchResponse {
    public final CardSearchResponseStatus status;
    public final Card card;
    public final List<String> messages = new ArrayList<>();

    public CardSearchResponse(CardSearchResponseStatus status) {
        this(status, null);
    }

    public CardSearchResponse(CardSearchResponseStatus status, Card card) {
        this.status = status;
        this.card = card;
    }

    public void addCashierMessage(String text) {
        messages.add(text);
    }
}
