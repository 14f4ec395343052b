"""The history of photos, for people who want to know what they have."""
