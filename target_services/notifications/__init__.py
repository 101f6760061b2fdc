"""Notifications: tells customers of their orders, once each, however often it hears of them."""
