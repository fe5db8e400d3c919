"""Instruments: roles that phases ask for, drivers that give them, links that carry the bytes."""
