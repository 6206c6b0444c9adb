"""What lm-eval sees of this package: model types, a filter, a metric and tasks."""
