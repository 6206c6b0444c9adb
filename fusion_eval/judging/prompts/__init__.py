"""The prompt templates that judging ships, in Jinja2."""
