"""The operator's page: the tills, what was refused, who owes points, one receipt found; plain HTML, no script."""
