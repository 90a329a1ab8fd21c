"""Secrets at rest: files for one reader alone, and what the system offers to lock them; knows no secret's meaning."""
