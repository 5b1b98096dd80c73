"""Take the README's pictures of the dashboard, light and dark.

`make dashboard` writes the page first; Chromium shows it.
"""

import argparse

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import in_project
from clv_warehouse.project.problems import CommandError
from clv_warehouse.serving.dashboard.browser import chromium, seconds_until_drawn

PAGE = in_project("data", "dashboard.html")
FOLDER = in_project("docs")
SIZE = {"width": 1280, "height": 1220}


def main() -> int:
    """Write docs/dashboard.png and docs/dashboard-dark.png; return the exit code."""
    argparse.ArgumentParser(prog="screenshot.py", description=__doc__).parse_args()
    if not PAGE.is_file():
        raise CommandError(f"{PAGE} is not there: make dashboard")
    with chromium() as browser:
        for scheme, name in (("light", "dashboard"), ("dark", "dashboard-dark")):
            tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto(PAGE.resolve().as_uri())
            seconds_until_drawn(tab)
            tab.screenshot(path=FOLDER / f"{name}.png")
            print(f"{FOLDER / name}.png")
    return 0


if __name__ == "__main__":
    run_main(main)
