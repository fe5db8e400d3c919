"""Killing the line controller everywhere and looking at what physically happened: `python -m benchmarks.crash`."""
