package tillpoint;

import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.annotation.PostConstruct;
import ru.crystals.pos.api.ext.loyal.dto.Discount;
import ru.crystals.pos.api.ext.loyal.dto.FiscalizationFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyProviderFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyaltyResult;
import ru.crystals.pos.api.ext.loyal.dto.PreFiscalizationFeedback;
import ru.crystals.pos.api.ext.loyal.dto.Slip;
import ru.crystals.pos.api.ext.loyal.dto.SlipParagraph;
import ru.crystals.pos.api.ext.loyal.dto.SlipParagraphType;
import ru.crystals.pos.api.ext.loyal.dto.WriteOffInfo;
import ru.crystals.pos.api.plugin.LoyaltyPlugin;
import ru.crystals.pos.spi.IntegrationProperties;
import ru.crystals.pos.spi.POSInfo;
import ru.crystals.pos.spi.annotation.Inject;
import ru.crystals.pos.spi.annotation.POSPlugin;
import ru.crystals.pos.spi.receipt.Card;
import ru.crystals.pos.spi.receipt.Receipt;

/** The receipt: what is taken off, the closed receipt, and what could not be told before. */
@POSPlugin(id = TillpointLoyalty.ID)
public class TillpointLoyalty implements LoyaltyPlugin {
    static final String ID = "tillpoint.loyalty";

    @Inject
    IntegrationProperties properties;

    @Inject
    POSInfo pos;

    private Agent agent;

    @PostConstruct
    void init() {
        agent = agentOf(properties);
    }

    static Agent agentOf(IntegrationProperties properties) {
        return new Agent(
            properties.getServiceProperties().get("url"),
            properties.getServiceProperties().get("key"),
            properties.getServiceProperties().getInt("connectionTimeout", 2000),
            properties.getServiceProperties().getInt("readTimeout", 5000));
    }

    @Override
    @SuppressWarnings("unchecked")
    public LoyaltyResult doDiscount(Receipt receipt) {
        LoyaltyResult result = new LoyaltyResult();
        Card card = receipt == null ? null : Told.card(receipt);
        if (card == null || card.getId() == null) {
            return result;
        }
        BigDecimal chosen = card.getBonusBalance() == null ? null : card.getBonusBalance().getSumToChargeOff();
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("receipt", Told.receipt(receipt, pos));
        body.put("customerId", card.getId());
        body.put("points", chosen == null ? BigDecimal.ZERO : chosen);
        try {
            Map<String, Object> told = agent.ask("discount", body);
            for (Object one : (List<Object>) told.get("discounts")) {
                Map<String, Object> row = (Map<String, Object>) one;
                String code = "points".equals(row.get("kind")) ? Told.POINTS : Told.CARD;
                long position = ((BigDecimal) row.get("position")).longValueExact();
                result.getDiscounts().add(new Discount(position, card.getCardNumber(), (BigDecimal) row.get("amount"), code));
            }
            Collection<WriteOffInfo> most = new HashSet<>();
            most.add(new WriteOffInfo(card.getBonusBalance(), (BigDecimal) told.get("writeOffMax")));
            result.getWriteOffsLimits().put(card.getCardNumber(), most);
        } catch (IOException error) {
            return new LoyaltyResult(); // the sale goes on without loyalty
        }
        return result;
    }

    @Override
    public PreFiscalizationFeedback eventBeforeReceiptFiscalized(Receipt receipt, LoyaltyResult result) {
        return null; // the lines of the slip are known when the receipt is closed
    }

    @Override
    @SuppressWarnings("unchecked")
    public FiscalizationFeedback onReceiptFiscalized(Receipt receipt, LoyaltyResult result) {
        Map<String, Object> told = Told.closed(receipt, result, pos);
        Card card = Told.card(receipt);
        if (card != null && card.getId() == null) {
            told.put("card", card.getCardNumber());
        }
        FiscalizationFeedback feedback = new FiscalizationFeedback();
        try {
            Map<String, Object> done = agent.ask("fiscalized", told);
            Slip slip = new Slip();
            for (Object line : (List<Object>) done.get("slip")) {
                slip.getParagraphs().add(new SlipParagraph(SlipParagraphType.TEXT, String.valueOf(line)));
            }
            if (!slip.getParagraphs().isEmpty()) {
                feedback.getSlips().add(slip);
            }
        } catch (Agent.Refused refused) {
            return null; // it said why in its own log; asking again does not help
        } catch (IOException error) {
            LoyProviderFeedback kept = new LoyProviderFeedback();
            kept.setPayload(Json.write(told));
            feedback.getFeedbacks().add(kept);
        }
        return feedback;
    }

    /** The till gives back what it kept; what is answered here stays with it. */
    @Override
    @SuppressWarnings("unchecked")
    public Collection<LoyProviderFeedback> onSendFeedback(Collection<LoyProviderFeedback> feedbacks) {
        Collection<LoyProviderFeedback> left = new ArrayList<>();
        for (LoyProviderFeedback one : feedbacks) {
            Map<String, Object> body = new LinkedHashMap<>();
            body.put("payloads", Collections.singletonList(one.getPayload()));
            boolean isDone = false;
            try {
                List<Object> answers = (List<Object>) agent.ask("feedback", body).get("answers");
                isDone = Boolean.TRUE.equals(((Map<String, Object>) answers.get(0)).get("done"));
            } catch (IOException error) {
                isDone = false;
            }
            if (!isDone) {
                one.setAttemptsCount(one.getAttemptsCount() + 1);
                left.add(one);
            }
        }
        return left;
    }
}
