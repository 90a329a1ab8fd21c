"""Whole shops that run inside one process on invented time: the real till and centre, an invented world around them."""
