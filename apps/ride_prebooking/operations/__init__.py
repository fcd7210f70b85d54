"""What may be done with prebookings: take in, store, confirm, cancel, dispatch."""
