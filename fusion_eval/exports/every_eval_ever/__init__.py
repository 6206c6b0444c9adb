"""Runs in the community's shared schema, Every Eval Ever."""
