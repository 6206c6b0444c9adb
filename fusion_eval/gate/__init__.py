"""Is a candidate worse than a baseline by more than a margin? A gate for CI."""
