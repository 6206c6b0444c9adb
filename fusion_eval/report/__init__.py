"""Draw finished runs and comparisons as tables."""
