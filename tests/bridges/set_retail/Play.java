package tillpoint;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import ru.crystals.pos.api.card.BonusBalanceEntity;
import ru.crystals.pos.api.card.CardEntity;
import ru.crystals.pos.api.ext.loyal.dto.Discount;
import ru.crystals.pos.api.ext.loyal.dto.FiscalizationFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyProviderFeedback;
import ru.crystals.pos.api.ext.loyal.dto.LoyaltyResult;
import ru.crystals.pos.api.plugin.card.CardSearchEventSource;
import ru.crystals.pos.api.plugin.card.CardSearchRequest;
import ru.crystals.pos.api.plugin.card.CardSearchResponse;
import ru.crystals.pos.spi.IntegrationProperties;
import ru.crystals.pos.spi.POSInfo;
import ru.crystals.pos.spi.PropertiesReader;
import ru.crystals.pos.spi.receipt.Card;
import ru.crystals.pos.spi.receipt.LineItem;
import ru.crystals.pos.spi.receipt.Receipt;
import ru.crystals.pos.spi.receipt.ReceiptType;

/** A till of our own making that calls the plug-in: Play url key phone number dead-url. Prints what it saw, line by line. */
public class Play {
    static final class Item implements LineItem {
        public long getNumber() {
            return 1;
        }

        public String getName() {
            return "Чай \"чёрный\"";
        }

        public String getMarking() {
            return "1001";
        }

        public String getBarcode() {
            return null;
        }

        public BigDecimal getPrice() {
            return new BigDecimal("100.00");
        }

        public BigDecimal getQuantity() {
            return new BigDecimal("2.000");
        }

        public BigDecimal getSum() {
            return new BigDecimal("200.00");
        }

        public BigDecimal getMinPrice() {
            return BigDecimal.ZERO;
        }
    }

    static final class Sale implements Receipt {
        final int number;
        final List<Card> cards = new ArrayList<>();

        Sale(int number) {
            this.number = number;
        }

        public ReceiptType getType() {
            return ReceiptType.SALE;
        }

        public int getNumber() {
            return number;
        }

        public int getShiftNo() {
            return 14;
        }

        public List<LineItem> getLineItems() {
            return Arrays.asList(new Item());
        }

        public List<Card> getCards() {
            return cards;
        }
    }

    static final POSInfo POS = new POSInfo() {
        public int getShopNumber() {
            return 1;
        }

        public int getPOSNumber() {
            return 2;
        }
    };

    static IntegrationProperties properties(String url, String key) {
        PropertiesReader reader = new PropertiesReader() {
            public String get(String name) {
                return "url".equals(name) ? url : key;
            }

            public int getInt(String name, int otherwise) {
                return otherwise;
            }
        };
        return () -> reader;
    }

    static TillpointLoyalty loyalty(String url, String key) {
        TillpointLoyalty made = new TillpointLoyalty();
        made.properties = properties(url, key);
        made.pos = POS;
        made.init();
        return made;
    }

    static TillpointCards cards(String url, String key) {
        TillpointCards made = new TillpointCards();
        made.properties = properties(url, key);
        made.pos = POS;
        made.init();
        return made;
    }

    static CardSearchRequest typed(String number) {
        return new CardSearchRequest() {
            public String getSearchString() {
                return number;
            }

            public CardSearchEventSource getEventSource() {
                return CardSearchEventSource.KEYBOARD;
            }
        };
    }

    static LoyaltyResult show(LoyaltyResult result) {
        for (Discount one : result.getDiscounts()) {
            System.out.println("discount " + one.getPosNo() + " " + one.getValue() + " " + one.getDiscountCode());
        }
        return result;
    }

    static void show(FiscalizationFeedback told) {
        System.out.println("closed slips=" + told.getSlips().size() + " kept=" + told.getFeedbacks().size());
    }

    public static void main(String[] args) {
        TillpointLoyalty loyalty = loyalty(args[0], args[1]);
        TillpointCards cards = cards(args[0], args[1]);
        Sale sale = new Sale(Integer.parseInt(args[3]));
        CardSearchResponse found = cards.searchCard(typed(args[2]));
        CardEntity card = (CardEntity) found.card;
        System.out.println("found " + found.status + " " + card.getBonusBalance().getBalance());
        System.out.println("nobody " + cards.searchCard(typed("+79000999999")).status);
        card.setProcessingId(TillpointCards.ID);
        sale.cards.add(card);
        LoyaltyResult first = show(loyalty.doDiscount(sale));
        System.out.println("most " + first.getWriteOffsLimits().get(card.getCardNumber()).iterator().next().most);
        ((BonusBalanceEntity) card.getBonusBalance()).setSumToChargeOff(new BigDecimal("50.00"));
        String txId = cards.writeOff(card, new BigDecimal("50.00"), sale).txId;
        System.out.println("rolled back " + cards.rollback(txId).status);
        System.out.println("too much " + cards.writeOff(card, new BigDecimal("190.00"), sale).status);
        LoyaltyResult chosen = show(loyalty.doDiscount(sale));
        System.out.println("written off " + cards.writeOff(card, new BigDecimal("50.00"), sale).status);
        show(loyalty.onReceiptFiscalized(sale, chosen));

        Sale dark = new Sale(sale.number + 1);
        CardEntity unknown = (CardEntity) cards(args[4], args[1]).searchCard(typed(args[2])).card;
        unknown.setProcessingId(TillpointCards.ID);
        dark.cards.add(unknown);
        TillpointLoyalty alone = loyalty(args[4], args[1]);
        FiscalizationFeedback kept = alone.onReceiptFiscalized(dark, alone.doDiscount(dark));
        show(kept);
        Collection<LoyProviderFeedback> left = alone.onSendFeedback(kept.getFeedbacks());
        System.out.println("still kept " + left.size() + " after " + left.iterator().next().getAttemptsCount());
        System.out.println("left " + loyalty.onSendFeedback(left).size());
        System.out.println("left " + loyalty.onSendFeedback(Collections.emptyList()).size());
        System.out.println("points " + cards.searchCard(typed(args[2])).card.getBonusBalance().getBalance());
    }
}
