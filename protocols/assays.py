"""What a sample may be tested for."""

from __future__ import annotations

from collections.abc import Mapping

ASSAYS: Mapping[str, tuple[str, str]] = {
    "particles": ("particle concentration", "1/mL"),
    "protein": ("total protein", "ug/mL"),
    "size": ("mode diameter", "nm"),
    "conductivity": ("conductivity", "mS/cm"),
    "cargo_protected": ("protected cargo per particle", "1"),
    "cargo_apparent": ("apparent cargo per particle", "1"),
    "tetraspanins": ("positive tetraspanin markers", "1"),
    "negative_markers": ("negative markers below limit", "1"),
    "potency": ("potency against reference", "percent"),
    "moisture": ("residual moisture", "percent"),
    "recovery": ("particle recovery after reconstitution", "percent"),
    "volume": ("volume", "mL"),
}
"""Assay name -> (what it is, the unit the result is entered in)."""
