"""Fare collection: the fare of each completed ride is collected, and given back where it must."""
