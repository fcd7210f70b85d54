"""Emptying the database between tests, at the price of what a test has written."""
