"""A service for the benchmarks only: five subscriptions that each leave one unique row."""
