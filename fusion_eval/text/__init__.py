"""What makes untrusted text safe, and how specs, prompts and names are written as text."""
