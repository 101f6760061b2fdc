"""Payments: captures and refunds, once per key, through the payment provider."""
