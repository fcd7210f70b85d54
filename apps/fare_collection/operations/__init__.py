"""What may be done at fare collection."""
