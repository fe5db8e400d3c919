"""Twins and emulators: one coupled plant per line behind instruments that answer bytes."""
