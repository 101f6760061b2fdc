"""Configuration of other programs, written as YAML that a person can read too."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def yaml_text(content: Any) -> str:
    """Return plain data as YAML, in the order it has."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # annotated as None there
    yaml.width = 1000  # a long expression stays on its line
    text = StringIO()
    yaml.dump(content, text)
    return text.getvalue()


def write_yaml(path: Path, content: Any) -> None:
    """Write a file. Raises OSError."""
    path.write_text(yaml_text(content), encoding="utf-8")
