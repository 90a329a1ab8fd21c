package ru.crystals.pos.api.ext.loyal.dto;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public enum SlipParagraphType {
    TEXT
}
