"""Finished runs in the forms that others ask for; no model is called."""
