"""What JPEG does to a photo."""
