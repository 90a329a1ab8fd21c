"""Pipes that know no protocol: serial port, TCP, memory, recording, faulty."""
