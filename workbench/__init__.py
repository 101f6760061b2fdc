"""Evidence that circuit breakers, retries, fallbacks and SLOs hold."""

__version__ = "0.1.0"
