"""Scanners and card readers, one folder per way they speak."""
