"""The cashier's panel on the desk's side: what a key does, what is shown, what was asked for."""
