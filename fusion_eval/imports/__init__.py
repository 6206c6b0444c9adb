"""Make runs and pools of what other tools have sampled, so that nothing is sampled again."""
