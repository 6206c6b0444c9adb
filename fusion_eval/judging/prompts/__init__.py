"""The judges' prompt templates, in Jinja2."""
