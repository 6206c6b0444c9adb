"""Statistics as pure functions on arrays. This package imports nothing else of fusion_eval."""
