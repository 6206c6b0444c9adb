"""Names of data sets on the Hugging Face hub: `hf:OWNER/NAME`, with `/CONFIG` and `:SPLIT` if needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.text.redaction import safe_message

HUB = "hf:"
"""How the name of a data set begins."""
FORM = "hf:OWNER/NAME, with /CONFIG and :SPLIT if needed"
_FOLDER = (".", "/")
_SPLIT = re.compile(r"\w+(\.\w+)*")
_NAME = re.compile(rf"([\w.-]+/[\w.-]+)(?:/([^/:]+))?(?::({_SPLIT.pattern}))?")
_WEB = re.compile(r"(https?:)?/{0,2}((www\.)?(huggingface|hf)\.co/)?(datasets/)?")
_ADDRESS = re.compile(r"(https?:/{1,2})?(www\.)?(huggingface|hf)\.co/")
_FILE_ENDINGS = (".json", ".jsonl", ".ndjson", ".gz", ".eval", ".parquet")
_PAGE = re.compile(r"/(tree|blob|resolve|viewer|discussions)\b|[?#\[]")
"""What follows the name in the address of a page, or in a slice of a split."""


@dataclass(frozen=True, slots=True)
class HubName:
    """A data set, as the `datasets` library loads it."""

    path: str
    """`owner/name`, or a local folder."""
    config: str | None = None
    split: str | None = None

    def __str__(self) -> str:
        config = f"/{self.config}" if self.config else ""
        return f"{HUB}{self.path}{config}{f':{self.split}' if self.split else ''}"

    @property
    def is_folder(self) -> bool:
        """Whether the name is that of a local folder."""
        return self.path.startswith(_FOLDER)

    def cannot_load(self, error: Exception) -> ConfigError:
        """Return the error for a data set that the `datasets` library does not load."""
        if self.is_folder and not Path(self.path).is_dir():
            return ConfigError(f"{self}: there is no folder {self.path}")
        reason = (safe_message(str(error)) or type(error).__name__).rstrip(".")
        hint = "" if self.is_folder else f"; write {FORM}"
        if self.split and not self.config and not self.is_folder:
            hint = f"; '{self.split}' after the colon is a split, and a configuration is {HUB}{self.path}/{self.split}"
        return ConfigError(f"The data set {self} cannot be loaded: {reason}{hint}")


def read_hub_name(text: str) -> HubName:
    """Read `hf:OWNER/NAME[/CONFIG][:SPLIT]`. A local folder of a data set is named in the same way: `hf:./folder:SPLIT`.

    Raises:
        ConfigError: The text has another form. The message gives the nearest right one.
    """
    name = text.removeprefix(HUB)
    if name.startswith((*_FOLDER, "~")) and not name.startswith("//"):
        folder, colon, split = name.partition(":")
        if not colon or _SPLIT.fullmatch(split):
            path = str(Path(folder).expanduser()) if folder.startswith("~") else folder
            return HubName(path, None, split or None)
        raise ConfigError(f"{text} should be hf:FOLDER, or hf:FOLDER:SPLIT")
    match = _NAME.fullmatch(name)
    if match and not name.startswith("datasets/"):
        return HubName(match[1], match[2], match[3])
    meant = _meant(name)
    raise ConfigError(f"{text} should be {FORM}{f'; did you mean {meant}?' if meant else ''}")


def hub_hint(text: str) -> str:
    """Return ` Did you mean hf:OWNER/NAME, …?` for a missing path that looks like a data set of the hub; else an empty text."""
    path = Path(text)
    named = _NAME.fullmatch(text) and path.suffix not in _FILE_ENDINGS and not path.parent.exists()
    meant = _meant(text) if named or _ADDRESS.match(text) else ""
    return f" Did you mean {meant}, a data set of the Hugging Face hub?" if meant else ""


def _meant(name: str) -> str:
    """Return the name that was probably meant; empty if there is none."""
    before, _, after = _PAGE.split(_WEB.sub("", name, count=1))[0].partition(":")
    parts = [part for part in before.split("/") if part]
    ends = [part for part in re.split("[/:]", after) if part]
    configuration_after_colon, split_before_colon = len(ends) == 2, len(parts) == 4 and not ends
    if configuration_after_colon or split_before_colon:
        parts, ends = (parts + ends)[:3], (parts + ends)[3:]
    if not 2 <= len(parts) <= 3 or len(ends) > 1:
        return ""
    return f"{HUB}{':'.join(['/'.join(parts), *ends])}"
