"""A regression gate: is a candidate worse than its baseline by more than a margin?"""
