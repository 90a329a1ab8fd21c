package ru.crystals.pos.api.plugin;

import java.math.BigDecimal;
import ru.crystals.pos.api.plugin.card.BonusOperationResponse;
import ru.crystals.pos.api.plugin.card.BonusWriteOffOperationResponse;
import ru.crystals.pos.api.plugin.card.CardInfo;
import ru.crystals.pos.api.plugin.card.CardSearchRequest;
import ru.crystals.pos.api.plugin.card.CardSearchResponse;
import ru.crystals.pos.spi.receipt.Card;
import ru.crystals.pos.spi.receipt.Receipt;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface CardPlugin {
    CardSearchResponse searchCard(CardSearchRequest request);

    CardInfo getCardInfo(CardSearchRequest request);

    BonusWriteOffOperationResponse writeOff(Card card, BigDecimal bonuses, Receipt receipt);

    BonusOperationResponse rollback(String txId);
}
