"""Where results lie, a folder of this machine or an object store, and the checked JSON there."""
