"""How events come into the lake, and how the lake is kept in order."""
