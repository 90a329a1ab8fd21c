package ru.crystals.pos.api.ext.loyal.dto;

import java.util.ArrayList;
import java.util.List;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class FiscalizationFeedback {
    private final List<Slip> slips = new ArrayList<>();

    private final List<LoyProviderFeedback> feedbacks = new ArrayList<>();

    public List<Slip> getSlips() {
        return slips;
    }

    public List<LoyProviderFeedback> getFeedbacks() {
        return feedbacks;
    }
}
