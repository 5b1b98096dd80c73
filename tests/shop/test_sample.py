"""Holds the seeds of the sample shop to what makes them."""

from pathlib import Path

from clv_warehouse.shop import sample


def test_seeds_are_made_again_byte_by_byte(root: Path, tmp_path: Path) -> None:
    size = sample.write_seeds(tmp_path)
    assert size <= 5_000_000
    committed = root / "seeds" / "sample"
    made = sorted(path.name for path in tmp_path.iterdir())
    # Of the feeds that the shop lacks there are headings alone.
    for path in committed.glob("*.csv"):
        assert path.name in made or path.read_text(encoding="utf-8").count("\n") == 1
    for name in made:
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), name


def test_dirt_takes_nothing_away() -> None:
    clean = sample.clean_rows()
    dirty = sample.dirty_rows(clean)
    for feed, rows in clean.items():
        altered, dropped, added = (
            sum(dirt.count for dirt in kinds if dirt.feed == feed)
            for kinds in (sample.ALTERED, sample.DROPPED, sample.ADDED)
        )
        assert len(dirty[feed]) == len(rows) - dropped + added
        left = {tuple(row.values()) for row in dirty[feed]}
        lost = sum(tuple(row.values()) not in left for row in rows)
        assert lost <= altered + dropped
        assert (lost > 0) == (altered + dropped > 0)
    money = ("order_id", "line_number", "quantity", "unit_price", "discount")
    trimmed = {
        tuple(row[name].strip() for name in money) for row in dirty["order_lines"]
    }
    assert all(
        tuple(row[name] for name in money) in trimmed for row in clean["order_lines"]
    )
