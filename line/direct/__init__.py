"""The direct line: the same controller, gateway and phases on the simulated plant, without drivers, bytes and files.

For what-if runs, where thousands of batches are made: see docs/decisions/0006-direct-line.md for what it leaves out.
"""
