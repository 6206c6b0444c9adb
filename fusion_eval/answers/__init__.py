"""Find the final answer in a reply, and compare it with the reference."""
