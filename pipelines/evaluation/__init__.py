"""How good results are: images beside their HR, models on pairs, and what to trust on one's own."""
