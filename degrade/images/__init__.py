"""Image files: their headers, pixels and EXIF data, and lists of them."""
