"""The loader of data of the hub, for YAML files, which find only functions in their own folder."""

from fusion_eval.harness.tasks.hub_data import load

__all__ = ["load"]
