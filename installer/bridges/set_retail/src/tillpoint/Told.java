package tillpoint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import ru.crystals.pos.api.ext.loyal.dto.Discount;
import ru.crystals.pos.api.ext.loyal.dto.LoyaltyResult;
import ru.crystals.pos.spi.POSInfo;
import ru.crystals.pos.spi.receipt.Card;
import ru.crystals.pos.spi.receipt.LineItem;
import ru.crystals.pos.spi.receipt.Receipt;
import ru.crystals.pos.spi.receipt.ReceiptType;

/** The till's objects in the words of the contract. */
final class Told {
    static final String POINTS = "tillpoint.points";
    static final String CARD = "tillpoint.card";

    private Told() {
    }

    /** The receipt's permanent name: shop, cash, shift and number do not come again. */
    static String uid(Receipt receipt, POSInfo pos) {
        return pos.getShopNumber() + "-" + pos.getPOSNumber() + "-" + receipt.getShiftNo() + "-" + receipt.getNumber();
    }

    static Map<String, Object> receipt(Receipt receipt, POSInfo pos) {
        List<Object> positions = new ArrayList<>();
        for (LineItem item : receipt.getLineItems()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", text(item.getName()));
            one.put("code", text(item.getMarking()));
            one.put("barcode", text(item.getBarcode()));
            one.put("price", item.getPrice());
            one.put("quantity", item.getQuantity());
            one.put("amount", item.getSum());
            one.put("minimum", item.getMinPrice());
            positions.add(one);
        }
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("uid", uid(receipt, pos));
        told.put("shop", String.valueOf(pos.getShopNumber()));
        told.put("cash", String.valueOf(pos.getPOSNumber()));
        told.put("shift", receipt.getShiftNo());
        told.put("number", String.valueOf(receipt.getNumber()));
        told.put("positions", positions);
        return told;
    }

    /** The closed receipt, and what was taken off it through us. */
    static Map<String, Object> closed(Receipt receipt, LoyaltyResult result, POSInfo pos) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("receipt", receipt(receipt, pos));
        Card card = card(receipt);
        told.put("customerId", card == null ? "" : text(card.getId()));
        told.put("isReturn", receipt.getType() != ReceiptType.SALE);
        List<Object> discounts = new ArrayList<>();
        if (result != null && receipt.getType() == ReceiptType.SALE) {
            for (Discount discount : result.getDiscounts()) {
                if (POINTS.equals(discount.getDiscountCode()) || CARD.equals(discount.getDiscountCode())) {
                    Map<String, Object> one = new LinkedHashMap<>();
                    one.put("position", discount.getPosNo());
                    one.put("amount", discount.getValue());
                    one.put("kind", POINTS.equals(discount.getDiscountCode()) ? "points" : "card");
                    discounts.add(one);
                }
            }
        }
        told.put("discounts", discounts);
        return told;
    }

    private static String text(String value) {
        return value == null ? "" : value;
    }

    /** The customer's card that we found, null for none. */
    static Card card(Receipt receipt) {
        for (Card card : receipt.getCards()) {
            if (TillpointCards.ID.equals(card.getProcessingId())) {
                return card;
            }
        }
        return null;
    }
}
