"""Toxiproxy's words and its HTTP API (as of 2.12), spoken by the built-in plane. They stay in this package."""
