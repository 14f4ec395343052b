"""Pictures and pages of what there is to see: a pool on one sheet."""
