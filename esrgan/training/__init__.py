"""The trainer: what a run computes, step by step, and how it is kept."""
