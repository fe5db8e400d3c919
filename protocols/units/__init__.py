"""The unit procedures a recipe can hold: their operations, what they need and the phases they become."""
