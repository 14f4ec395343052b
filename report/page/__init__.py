"""One HTML page that needs nothing else: what it shows comes in, its text goes out."""
