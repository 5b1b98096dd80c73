"""Imports this bundle and a user into a Superset, replacing what is there of them.

Runs in Superset's environment, on the database that superset_config.py names, after
`superset db upgrade` and `superset init`:
python bi/superset/set_up.py FOLDER USER
"""

import os
import sys
from pathlib import Path

import yaml
from superset.app import create_app

METADATA = "metadata.yaml"
PASSWORD = Path(os.environ["SUPERSET_HOME"]) / "password"


def main(folder: Path, username: str) -> None:
    """Make the user, and import the files of the bundle as theirs."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*.yaml")
    }
    # Imported as a dashboard, parts that exist already would stay as they are.
    metadata = yaml.safe_load(contents[METADATA])
    contents[METADATA] = yaml.safe_dump({**metadata, "type": "assets"})
    with create_app().app_context():
        # These modules need an application when they are imported.
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.utils.core import override_user

        if not (user := security_manager.find_user(username=username)):
            user = security_manager.add_user(
                username,
                first_name="CLV",
                last_name="warehouse",
                email=f"{username}@localhost",
                role=security_manager.find_role("Admin"),
                password=PASSWORD.read_text().strip(),
            )
        with override_user(user):
            ImportAssetsCommand(contents).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
