"""Grafana dashboards as code: each module is one dashboard, `generate` writes them all to `json/`."""
