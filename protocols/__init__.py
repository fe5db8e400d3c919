"""Recipes: ISA-88 model, YAML loading, resolving to a control recipe, static checks. No devices, time or I/O."""
