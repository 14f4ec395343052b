"""Lists of image files with their hashes: made, checked and split."""
