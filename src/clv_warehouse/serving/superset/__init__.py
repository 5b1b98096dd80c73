"""A dashboard for Apache Superset, generated from what the tables say of themselves."""
