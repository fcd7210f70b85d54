"""Extraordinary rides: the long and costly ones, and a leaderboard of them."""
