package ru.crystals.pos.api.ext.loyal.dto;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public class SlipParagraph {
    public final String text;

    public SlipParagraph(SlipParagraphType type, String text) {
        this.text = text;
    }
}
