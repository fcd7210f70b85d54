"""Identity: who is calling, in which role, and the tokens that prove it."""
