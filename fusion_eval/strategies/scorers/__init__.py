"""Scorers rate the candidates of a pool for Best-of-N."""
