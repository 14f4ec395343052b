"""What was done to a photo before: enlarged, sharpened, out of focus, shaken, clipped."""
