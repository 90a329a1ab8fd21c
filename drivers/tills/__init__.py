"""Till systems: how each asks for loyalty over HTTP, which files it writes and reads; one folder per system."""
