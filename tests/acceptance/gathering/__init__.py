"""A service that asks, and ten that answer, with nothing else in them."""
