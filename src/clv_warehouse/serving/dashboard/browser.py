"""Opens the dashboard in Chromium, to test it, to measure it and to take pictures."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# By default Chromium asks its maker for updates and lists.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Yield a running Chromium. Raises FileNotFoundError if none is installed."""
    path = find_chromium()
    if path is None:
        raise FileNotFoundError("No Chromium: install it (Debian: chromium).")
    # Imported late: the environment for Spark has no Playwright and needs none.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def seconds_until_drawn(page: "Page") -> float:
    """Wait until every chart is drawn; return the seconds since the request."""
    drawn = page.locator("html[data-ready]")
    drawn.wait_for(state="attached")
    return int(drawn.get_attribute("data-ready") or 0) / 1000
