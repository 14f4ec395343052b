"""Building, importing, verifying and replaying pairs."""
