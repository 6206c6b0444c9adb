"""The scorers themselves, one file each: they rate the candidates of a pool."""
