"""The prompt templates that strategies ships, in Jinja2."""
