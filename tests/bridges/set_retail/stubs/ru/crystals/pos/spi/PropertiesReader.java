package ru.crystals.pos.spi;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface PropertiesReader {
    String get(String key);

    int getInt(String key, int otherwise);
}
