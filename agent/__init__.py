"""The daemon beside the cash register: knows everybody, nobody knows it."""
