"""The usual way: a DRF view that stores a ride and calls `.delay()` five times.

The same use case as Wild Rydes' ride completions, as Django projects that use Celery on Redis
commonly write it: a `ModelSerializer`, one task for each thing that follows, Celery's own defaults.
It is a control for the fault matrix, which has to find losses here, and a peer for benchmarks.
"""
