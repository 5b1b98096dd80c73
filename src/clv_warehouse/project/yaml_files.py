"""Reads the project's own YAML files."""

from pathlib import Path
from typing import Any

import yaml

# libyaml reads ten times as fast, and PyYAML has it on most platforms. Each script and
# each run of dbt reads some of the files, which took it half a second.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """What a file of YAML says."""
    return yaml.load(path.read_text("utf-8"), LOADER)
