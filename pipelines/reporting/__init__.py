"""Pages of what there is: facts are gathered here, and drawn by ``report``."""
