"""Customer loyalty: points for rides, and the tier that they lead to."""
