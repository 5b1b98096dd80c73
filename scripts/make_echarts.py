"""Bundle ECharts for the dashboard, after a new version was pinned.

It needs npm. Users of the project do not, because the result is committed. In
src/clv_warehouse/serving/dashboard/echarts, package.json pins the versions and entry.js
names the parts.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from clv_warehouse.project.command import run_main
from clv_warehouse.project.places import ROOT

FOLDER = ROOT / "src" / "clv_warehouse" / "serving" / "dashboard" / "echarts"
BANNER = "/*! Apache ECharts {version}, what the dashboard uses of it. Apache-2.0. */"


def main() -> int:
    """Write echarts.js and its licences; return the exit code."""
    argparse.ArgumentParser(prog="make_echarts.py", description=__doc__).parse_args()
    if not shutil.which("npm"):
        print("make_echarts.py: npm is needed (Node.js 20 or newer)", file=sys.stderr)
        return 1
    pinned = json.loads((FOLDER / "package.json").read_text("utf-8"))
    version = pinned["dependencies"]["echarts"]
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "entry.js"):
            shutil.copy(FOLDER / name, scratch)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"],
            cwd=scratch,
            check=True,
        )
        modules = Path(scratch) / "node_modules"
        subprocess.run(
            [
                *(modules / ".bin" / "esbuild", "entry.js", "--bundle", "--minify"),
                *("--format=iife", "--global-name=echarts", "--target=es2020"),
                '--define:process.env.NODE_ENV="production"',
                *("--charset=ascii", "--legal-comments=eof"),
                f"--banner:js={BANNER.format(version=version)}",
                f"--outfile={FOLDER / 'echarts.js'}",
            ],
            cwd=scratch,
            check=True,
        )
        # The licence asks for NOTICE beside the bundle; ZRender is under BSD.
        for name in ("LICENSE", "NOTICE"):
            shutil.copy(modules / "echarts" / name, FOLDER / name)
        shutil.copy(modules / "zrender" / "LICENSE", FOLDER / "LICENSE-zrender")
    return 0


if __name__ == "__main__":
    run_main(main)
