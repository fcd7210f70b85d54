"""Requests for quotes that sixteen answer at once: a service of ours, and the peer's tables."""
