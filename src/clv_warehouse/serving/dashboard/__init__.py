"""The dashboard: one self-contained HTML page over the tables of schema reports."""
