"""Dashboards and SLO rules as code: `python -m infra.monitoring.dashboards` writes what Grafana and Prometheus load."""
