"""Receipts nobody asked us about: read from a printer's stream, a register's memory or a till system's report."""
