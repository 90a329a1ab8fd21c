package ru.crystals.pos.api.ext.loyal.dto;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class LoyProviderFeedback {
    private String payload;

    public String getPayload() {
        return payload;
    }

    public void setPayload(String value) {
        payload = value;
    }

    private int attemptsCount;

    public int getAttemptsCount() {
        return attemptsCount;
    }

    public void setAttemptsCount(int value) {
        attemptsCount = value;
    }
}
