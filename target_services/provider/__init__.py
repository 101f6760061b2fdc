"""The simulated payment provider: someone else's service, as payments meets it."""
