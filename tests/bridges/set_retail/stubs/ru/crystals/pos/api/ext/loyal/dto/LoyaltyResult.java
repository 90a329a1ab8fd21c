package ru.crystals.pos.api.ext.loyal.dto;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class LoyaltyResult {
    private final List<Discount> discounts = new ArrayList<>();

    private final Map<String, Collection<WriteOffInfo>> writeOffsLimits = new HashMap<>();

    public List<Discount> getDiscounts() {
        return discounts;
    }

    public Map<String, Collection<WriteOffInfo>> getWriteOffsLimits() {
        return writeOffsLimits;
    }
}
