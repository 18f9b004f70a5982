"""The Grafana dashboards, what generates them, and what draws them."""
