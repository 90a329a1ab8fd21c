"""The loyalty lines of a receipt: what was, what was spent, what was earned, what is; in every width and language."""
