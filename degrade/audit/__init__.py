"""Two sets of photos compared by what a camera left in them, not by what they show."""
