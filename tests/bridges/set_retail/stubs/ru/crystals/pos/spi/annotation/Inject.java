package ru.crystals.pos.spi.annotation;

/** Stands in for the vendor's own, which is not public; only what the plug-in uses. */
@java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
public @interface Inject {
}
