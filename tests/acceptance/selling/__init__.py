"""A service that sells, and four that take part, with nothing else in them."""
