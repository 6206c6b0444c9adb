"""Model types of lm-evaluation-harness, used as samplers."""
