"""What is inside a TIFF file: its pages, their segments, compressions and colours."""
