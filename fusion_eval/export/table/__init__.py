"""Scores as papers print them."""
