"""Studies of opinions: prepared, served to raters, and evaluated."""
