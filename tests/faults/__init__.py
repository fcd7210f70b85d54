"""The fault matrix: real processes, one fault at a time, and the promises checked against rows.

`python -m tests.faults` runs it; `make faults` runs all of it.
"""
