package ru.crystals.pos.spi;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
public interface IntegrationProperties {
    PropertiesReader getServiceProperties();
}
