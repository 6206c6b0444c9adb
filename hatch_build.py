"""Decide what an editable install contains besides the path to the checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig


class EditableWithoutTasks(BuildHookInterface[WheelBuilderConfig]):
    """Leave the tasks out of an editable install: they are read from the checkout, and a copy would become outdated."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Set the files of an editable install; other builds stay as they are."""
        if version == "editable":
            forced = self.build_config.target_config["force-include"]
            build_data["force_include_editable"] = {
                source: target for source, target in forced.items() if source != "tasks"
            }
