"""Settings of published experiments, one YAML file each, for `fusion-eval run --recipe`."""
