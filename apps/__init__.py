"""The services: one folder is one deployable."""
