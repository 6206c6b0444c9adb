"""Statistics of paired comparisons: pure functions on arrays, which know nothing of runs or files."""
