"""What people and tools read: published copies, the dashboard, Superset."""
