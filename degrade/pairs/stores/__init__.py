"""How the pixels of a shard are stored: a module for each format."""
