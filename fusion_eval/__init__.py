"""Best-of-N and Fusion-of-N as model types of lm-evaluation-harness."""

__version__ = "0.1.0"
