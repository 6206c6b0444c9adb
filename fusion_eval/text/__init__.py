"""Make text of others safe to show: printable, redacted, escaped; and render templates and specs."""
