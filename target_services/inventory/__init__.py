"""Inventory: what is on the shelf, and what is reserved for whom."""
