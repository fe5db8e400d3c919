"""A disk that is full, fails or loses power under a batch: `python -m benchmarks.disk`."""
