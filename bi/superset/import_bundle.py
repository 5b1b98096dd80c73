"""Make a Superset have this bundle: what it has of it already is replaced.

Runs in Superset's environment and as one of its users:
python bi/superset/import_bundle.py FOLDER USER
"""

import sys
from pathlib import Path

import yaml
from superset.app import create_app

METADATA = "metadata.yaml"


def main(folder: Path, username: str) -> None:
    """Import the files of a bundle."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*.yaml")
    }
    # As a dashboard, parts that are already there would be kept as they are.
    metadata = yaml.safe_load(contents[METADATA])
    contents[METADATA] = yaml.safe_dump({**metadata, "type": "assets"})
    with create_app().app_context():
        # These modules want an application when they are imported.
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        with override_user(security_manager.find_user(username=username)):
            ImportAssetsCommand(contents).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
