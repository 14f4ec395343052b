"""Training on pairs, in stages that can be stopped and gone on with."""
