"""Faults, one function each: do the harm, undo it, return when it ended (seconds of the epoch)."""
