"""Printers, one folder per wire protocol; each passes every byte and reads receipts on the way."""
