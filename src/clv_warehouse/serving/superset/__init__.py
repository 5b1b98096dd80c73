"""A dashboard for Apache Superset, generated from the contracts and the metrics."""
