"""What a check of a load found, and how it is written for a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field

# A load says no more than this; --check says all.
_MOST_IN_SHORT = 8


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


@dataclass(frozen=True)
class Findings:
    """All that a check found: `head` says in one line what the data are."""

    head: str = ""
    each: list[Finding] = field(default_factory=list)

    @property
    def doubts(self) -> list[Finding]:
        """What puts money or customers in doubt, the most money first."""
        doubts = [finding for finding in self.each if finding.is_doubt]
        return sorted(doubts, key=lambda finding: -abs(finding.amount))

    @property
    def notes(self) -> list[Finding]:
        """What is only to be known, the most money first."""
        notes = [finding for finding in self.each if not finding.is_doubt]
        return sorted(notes, key=lambda finding: -abs(finding.amount))


def in_full(findings: Findings) -> list[str]:
    """Write all findings, those in doubt first, each with its way out."""
    lines = [findings.head] if findings.head else []
    for title, each in (
        (f"In doubt ({len(findings.doubts)}):", findings.doubts),
        ("To know:", findings.notes),
    ):
        if each:
            lines += ["", title, *_written(each)]
    if not findings.doubts:
        lines += ["", "Nothing puts money or customers in doubt."]
    return lines


def in_short(findings: Findings) -> list[str]:
    """Write what is in doubt, in some ten lines."""
    doubts = findings.doubts
    lines = [findings.head] if findings.head else []
    if not doubts:
        return lines
    lines.append(f"In doubt ({len(doubts)}):")
    lines += [f"- {finding.text}" for finding in doubts[:_MOST_IN_SHORT]]
    if len(doubts) > _MOST_IN_SHORT:
        lines.append(f"- and {len(doubts) - _MOST_IN_SHORT} more")
    return lines


def _written(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"- {finding.text}")
        if finding.way_out:
            lines.append(f"    {finding.way_out}")
    return lines
