package ru.crystals.pos.api.ext.loyal.dto;

import java.util.ArrayList;
import java.util.List;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class Slip {
    private final List<SlipParagraph> paragraphs = new ArrayList<>();

    public List<SlipParagraph> getParagraphs() {
        return paragraphs;
    }
}
