"""The observability bundle on real servers."""
