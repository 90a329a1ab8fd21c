"""Releases at the centre: what may run on tills, which rings get it when, what became of it; signs nothing itself."""
