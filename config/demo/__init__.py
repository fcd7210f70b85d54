"""A handful of rides sent through a running platform, and what became of them."""
