"""The function by which tasks load data of the hub; a YAML file finds functions beside itself only."""

from fusion_eval.harness.tasks.hub_data import load

__all__ = ["load"]
