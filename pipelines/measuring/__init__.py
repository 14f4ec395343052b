"""What is measured on photos, and how it gets into the pool."""
