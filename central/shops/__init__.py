"""Shops whose requests come from a cloud and are answered here: a checkout on the centre's own data, and its doors."""
