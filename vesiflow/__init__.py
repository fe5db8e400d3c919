"""The vocabulary of vesiflow: quantities, clock, errors, ids, logging. Knows nothing above it."""

__version__ = "0.1.0"
