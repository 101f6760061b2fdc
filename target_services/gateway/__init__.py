"""Gateway: the one address users talk to."""
