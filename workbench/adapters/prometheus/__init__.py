"""The real Prometheus: how it is told what to scrape, its rules, its HTTP API, its samples of a run."""
