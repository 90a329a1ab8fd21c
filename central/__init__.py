"""The reference central server: what tills sync with; SQLite by default; nobody imports it."""
