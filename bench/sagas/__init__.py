"""Sagas of five steps: a service of ours that runs them, and the peers' tables."""
