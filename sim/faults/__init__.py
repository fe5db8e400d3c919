"""Faults on demand: scripted by time, by what happens in the plant, or by chance; done to plant, instruments and wires.

Nothing here tells the controller anything. A fault changes what is so (plant), what an instrument shows or does
(instrument), what happens to bytes (wire), or the computer the controller runs on (host, done by the runner).
"""
