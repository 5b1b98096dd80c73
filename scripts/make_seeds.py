"""Make the sample shop again: seeds/sample/*.csv, the same bytes every time."""

from pathlib import Path

from clv_warehouse.shop.sample import write_seeds

SEEDS = Path(__file__).resolve().parents[1] / "seeds" / "sample"

if __name__ == "__main__":
    print(f"{write_seeds(SEEDS):,} bytes of seeds written to {SEEDS}")
