"""How times and dates are written in the admin."""
