package tillpoint;

import java.io.IOException;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.annotation.PostConstruct;
import ru.crystals.pos.api.card.BonusBalanceEntity;
import ru.crystals.pos.api.card.CardEntity;
import ru.crystals.pos.api.plugin.CardPlugin;
import ru.crystals.pos.api.plugin.card.BonusOperationResponse;
import ru.crystals.pos.api.plugin.card.BonusOperationStatus;
import ru.crystals.pos.api.plugin.card.BonusWriteOffOperationResponse;
import ru.crystals.pos.api.plugin.card.CardInfo;
import ru.crystals.pos.api.plugin.card.CardSearchEventSource;
import ru.crystals.pos.api.plugin.card.CardSearchRequest;
import ru.crystals.pos.api.plugin.card.CardSearchResponse;
import ru.crystals.pos.api.plugin.card.CardSearchResponseStatus;
import ru.crystals.pos.spi.IntegrationProperties;
import ru.crystals.pos.spi.POSInfo;
import ru.crystals.pos.spi.annotation.Inject;
import ru.crystals.pos.spi.annotation.POSPlugin;
import ru.crystals.pos.spi.receipt.Card;
import ru.crystals.pos.spi.receipt.Receipt;

/** Cards: who is it, write points off, roll that back. */
@POSPlugin(id = TillpointCards.ID)
public class TillpointCards implements CardPlugin {
    static final String ID = "tillpoint.cards";

    @Inject
    IntegrationProperties properties;

    @Inject
    POSInfo pos;

    private Agent agent;

    @PostConstruct
    void init() {
        agent = TillpointLoyalty.agentOf(properties);
    }

    @Override
    public CardSearchResponse searchCard(CardSearchRequest request) {
        CardEntity card = new CardEntity();
        try {
            Map<String, Object> found = search(request);
            if (!Boolean.TRUE.equals(found.get("found"))) {
                return new CardSearchResponse(CardSearchResponseStatus.UNKNOWN_CARD);
            }
            card.setId((String) found.get("customerId"));
            card.setCardNumber(request.getSearchString());
            card.setBonusBalance(new BonusBalanceEntity((BigDecimal) found.get("points")));
            return new CardSearchResponse(CardSearchResponseStatus.OK, card);
        } catch (Agent.Refused refused) {
            return new CardSearchResponse(CardSearchResponseStatus.UNKNOWN_CARD);
        } catch (IOException error) {
            // Nobody answers: the sale goes on with a card of no points, and the closed receipt is told later by its number.
            card.setCardNumber(request.getSearchString());
            card.setBonusBalance(new BonusBalanceEntity(BigDecimal.ZERO));
            CardSearchResponse answer = new CardSearchResponse(CardSearchResponseStatus.OK, card);
            answer.addCashierMessage("Ошибка подключения к процессингу");
            return answer;
        }
    }

    @Override
    public CardInfo getCardInfo(CardSearchRequest request) {
        LinkedHashMap<String, String> rows = new LinkedHashMap<>();
        try {
            Map<String, Object> found = search(request);
            if (!Boolean.TRUE.equals(found.get("found"))) {
                return new CardInfo(CardSearchResponseStatus.UNKNOWN_CARD, null);
            }
            rows.put("Покупатель", String.valueOf(found.get("name")));
            rows.put("Баллы", String.valueOf(found.get("points")));
            return new CardInfo(CardSearchResponseStatus.OK, rows);
        } catch (IOException error) {
            return new CardInfo(CardSearchResponseStatus.UNKNOWN_CARD, null);
        }
    }

    @Override
    public BonusWriteOffOperationResponse writeOff(Card card, BigDecimal bonuses, Receipt receipt) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("receipt", Told.receipt(receipt, pos));
        body.put("customerId", card.getId());
        body.put("amount", bonuses);
        try {
            Map<String, Object> kept = agent.ask("write-off", body);
            return new BonusWriteOffOperationResponse(BonusOperationStatus.SUCCESSFUL, (String) kept.get("txId"), bonuses);
        } catch (IOException error) {
            return new BonusWriteOffOperationResponse(BonusOperationStatus.ERROR, null, BigDecimal.ZERO);
        }
    }

    @Override
    public BonusOperationResponse rollback(String txId) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("txId", txId);
        try {
            agent.ask("rollback", body);
            return new BonusOperationResponse(BonusOperationStatus.SUCCESSFUL, txId);
        } catch (IOException error) {
            return new BonusOperationResponse(BonusOperationStatus.ERROR, txId);
        }
    }

    private Map<String, Object> search(CardSearchRequest request) throws IOException {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("number", request.getSearchString());
        body.put("presented", request.getEventSource() == CardSearchEventSource.BARCODE);
        return agent.ask("search", body);
    }
}
