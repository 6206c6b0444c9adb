"""The tasks that come with the package: where they are, what they are, and how the harness loads them."""
