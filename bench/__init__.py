"""The benchmarks: Wild Rydes and what a Django team would use instead, side by side."""
