"""The real Jaeger: how it is started, its HTTP API, its spans of a run."""
