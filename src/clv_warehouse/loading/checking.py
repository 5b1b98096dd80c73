"""Says what of a load puts money or customers in doubt, before anyone believes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from clv_warehouse.loading.reading import Reader


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        text: what it is, where, how often, and an example.
        way_out: what to do about it; '' where nothing needs to be done.
        is_doubt: whether money or customers would be wrong if nobody did anything.
        amount: the money that it concerns, by which findings are sorted.

    """

    text: str
    way_out: str = ""
    is_doubt: bool = False
    amount: float = 0.0


def find_all(
    connection: duckdb.DuckDBPyConnection, reader: Reader | None
) -> list[Finding]:
    """Check the tables of warehouse.raw as they were just written.

    `reader` is what read them, if files were read.
    """
    findings = []
    if reader is not None:
        findings += [
            Finding(problem.message, is_doubt=True)
            for problem in (*reader.problems, *reader.doubts)
        ]
        findings += [
            Finding(f"{label}: columns not read: {', '.join(names)}")
            for label, names in reader.unread.items()
        ]
    return sorted(findings, key=lambda each: (not each.is_doubt, -each.amount))


def in_full(findings: Sequence[Finding]) -> list[str]:
    """Write all findings, those in doubt first, each with its way out."""
    lines = []
    for finding in findings:
        mark = "!" if finding.is_doubt else "-"
        lines.append(f"{mark} {finding.text}")
        if finding.way_out:
            lines.append(f"    {finding.way_out}")
    return lines
