"""What people and tools read: published copies, the page, Superset."""
