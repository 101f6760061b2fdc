"""The real Grafana: how it is started, what it is given by file, and what it is told while runs go on."""
