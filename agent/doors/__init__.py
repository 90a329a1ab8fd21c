"""HTTP on loopback: the local JSON API for a POS and the cashier's panel; it decides nothing, the till does."""
