"""Take the README's pictures of the dashboard, light and dark.

`make dashboard` writes the page first; Chromium shows it.
"""

import argparse
import sys
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.serving.dashboard.browser import chromium, seconds_until_drawn

PAGE = Path("data/dashboard.html")
FOLDER = Path("docs")
SIZE = {"width": 1280, "height": 1220}


def main() -> int:
    """Write docs/dashboard.png and docs/dashboard-dark.png; return the exit code."""
    argparse.ArgumentParser(prog="screenshot.py", description=__doc__).parse_args()
    if not PAGE.is_file():
        print(f"{PAGE} is not there: make dashboard", file=sys.stderr)
        return 1
    try:
        with chromium() as browser:
            for scheme, name in (("light", "dashboard"), ("dark", "dashboard-dark")):
                tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
                tab.goto(PAGE.resolve().as_uri())
                seconds_until_drawn(tab)
                tab.screenshot(path=FOLDER / f"{name}.png")
                print(f"{FOLDER / name}.png")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run_main(main)
