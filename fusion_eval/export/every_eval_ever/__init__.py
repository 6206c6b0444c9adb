"""The community's shared schema of evaluation results."""
