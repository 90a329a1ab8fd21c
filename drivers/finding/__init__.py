"""What is plugged into this machine and what it probably is: lists that the system keeps; nothing is opened."""
