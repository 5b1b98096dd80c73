"""The dashboard: one self-contained HTML page over the contracted tables."""
