package ru.crystals.pos.api.plugin;

import java.util.Collection;
import ru.crystals.pos.api.ext.loyal.dto.FiscalizationFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyProviderFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyaltyResult;
import ru.crystals.pos.api.ext.loyal.dto.PreFiscalizationFeedback;
import ru.crystals.pos.spi.receipt.Receipt;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface LoyaltyPlugin {
    LoyaltyResult doDiscount(Receipt receipt);

    PreFiscalizationFeedback eventBeforeReceiptFiscalized(Receipt receipt, LoyaltyResult result);

    FiscalizationFeedback onReceiptFiscalized(Receipt receipt, LoyaltyResult result);

    Collection<LoyProviderFeedback> onSendFeedback(Collection<LoyProviderFeedback> feedbacks);
}
