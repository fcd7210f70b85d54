"""A service for tests only: it shows the order of effects, and misbehaves when told to."""
