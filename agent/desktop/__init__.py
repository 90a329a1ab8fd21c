"""Windows of the cashier's desktop: one key brings the panel, and the till system gets its focus back."""
