"""Checks anybody's central server from outside, over the published contract; knows nothing of how ours works inside."""
