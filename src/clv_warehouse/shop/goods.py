"""The goods: prices, costs, tastes, what is used up, what comes and goes.

Products lie in cells of a category and a grade (price level). All products of a cell
have one price, its price point. A line's cell is chosen first, by the person's shares
of categories and grades alone; so the money of a line does not depend on which product
of the cell it is, and truth.py can sum up the money exactly. The product is then chosen
among those of the cell that are on sale on that day, with a chance in proportion to
exp(utility). The utility adds up

- the product's log popularity,
- the scalar product of the person's style and the product's style, STYLES numbers each,
- the product's own season,
- the person's love of novelty, for NEW_DAYS days after the launch,
- what the person has: a product of a category that is used up is bought again rather
  than another (HABIT), any other is hardly bought again for DURABLE_DAYS days (OWNED).
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.shop.settings import Settings, ShopStream, shop_random
from clv_warehouse.shop.words import CATEGORIES, GRADES

# By category.
CATEGORY_PRICES = np.array([9, 12, 14, 7, 11, 6, 18, 8])
COST_SHARES = np.array([0.5, 0.55, 0.45, 0.65, 0.5, 0.4, 0.6, 0.42])
RETURN_FACTORS = np.array([0.9, 0.8, 1.6, 0.2, 1.0, 0.4, 1.3, 1.0])
# By grade.
GRADE_PRICES = np.array([0.5, 0.8, 1.2, 2.0, 3.5])
# Mean days until a product is used up, by category, then by grade; other goods last.
CYCLES = {"Pantry": (21, 24, 28, 32, 36), "Beauty": (42, 49, 56, 63, 70)}
# Standard deviation of the days until it is used up, as a share of their mean.
CYCLE_SPREAD = 0.15

STYLES = 4
# Standard deviation of the scalar product of two styles.
STYLE_STRENGTH = 1.3
POPULARITY_SHAPE = 0.8
SEASONAL_SHARE, SEASONAL_LOG = 0.35, 1.2
LAUNCHED_SHARE, WITHDRAWN_SHARE = 0.3, 0.2
NEW_DAYS = 90
HABIT, OWNED = 1.2, -3.5
DURABLE_DAYS = 400

# The boxes that people subscribe to, which lie behind the products of the cells.
BOXES = ("Pantry box", "Beauty box")
BOX_PRICES, BOX_COSTS = np.array([1990, 4490]), np.array([1150, 2350])

# Lines whose utilities are computed at once; it bounds memory.
CHUNK = 20_000


@dataclass(frozen=True)
class Catalogue:
    """The products, shape (p,), cell by cell.

    The boxes lie behind them, each in a cell of its own; attributes by cell, and those
    that say so, include them.

    Attributes:
        cell_price: cents by cell, whole tens, so that a coupon leaves whole cents.
        cell_return: factor by cell on the buyer's chance to return a line.
        cycle: mean days by cell until a product is used up; 0 if it lasts.
        price, cost: cents, boxes included.
        quality: mean of the ratings before they are rounded and clipped; boxes too.
        style: shape (p, STYLES).
        popularity, season: logs, shapes (p,) and (p, 12) by month.
        launched, withdrawn: first day on sale and first day no longer, counted from the
            shop's start; below 0 and above all days where always and still on sale.
        stock: pieces at the shop's end.

    """

    cell_price: Ints
    cell_return: Floats
    cycle: Ints
    price: Ints
    cost: Ints
    quality: Floats
    style: Singles
    popularity: Singles
    season: Singles
    launched: Ints
    withdrawn: Ints
    stock: Ints
    per_cell: int

    @property
    def cells(self) -> int:
        """How many cells hold products; the boxes' cells come after them."""
        return len(self.cell_price) - len(BOXES)

    @classmethod
    def of(cls, settings: Settings) -> "Catalogue":
        """Products of a shop; the same for all of its batches."""
        generator = shop_random(settings, ShopStream.GOODS)
        per_cell = settings.products_per_cell
        grades = len(GRADES)
        cell_price = np.maximum(
            np.rint(np.outer(CATEGORY_PRICES, GRADE_PRICES) * 10), 5
        )
        cell_price = (cell_price * 10).astype(np.int64).ravel()
        n = len(cell_price) * per_cell
        price = np.repeat(cell_price, per_cell)
        share = np.repeat(COST_SHARES, grades * per_cell)
        share = np.clip(share + generator.uniform(-0.12, 0.12, n), 0.2, 0.85)
        quality = generator.normal(4.0, 0.7, n)
        cell_quality = quality.reshape(-1, per_cell).mean(axis=1)
        popularity = np.log(generator.gamma(POPULARITY_SHAPE, size=n) + 0.05)
        style = generator.normal(size=(n, STYLES)) * STYLE_STRENGTH / np.sqrt(STYLES)
        peak = generator.integers(12, size=n)
        swing = SEASONAL_LOG * (generator.random(n) < SEASONAL_SHARE)
        months = np.cos(2 * np.pi * (np.arange(12) - peak[:, None]) / 12)
        # The first product of each cell is always on sale.
        may_change = np.arange(n) % per_cell > 0
        is_launched = may_change & (generator.random(n) < LAUNCHED_SHARE)
        launched = np.where(
            is_launched, generator.integers(1, settings.days + 1, n), -1
        )
        is_withdrawn = may_change & (generator.random(n) < WITHDRAWN_SHARE)
        life = generator.integers(120, max(settings.days, 121), n)
        withdrawn = np.where(is_withdrawn, np.maximum(launched, 0) + life, 10**6)
        cell_return = np.repeat(RETURN_FACTORS, grades)
        cell_return *= np.clip(1 + 0.6 * (4 - cell_quality), 0.4, 2.0)
        cycle = [CYCLES.get(category, (0,) * grades) for category in CATEGORIES]
        return cls(
            cell_price=np.concatenate([cell_price, BOX_PRICES]),
            cell_return=np.concatenate([cell_return, np.zeros(len(BOXES))]),
            cycle=np.concatenate([np.array(cycle).ravel(), np.zeros(len(BOXES), int)]),
            price=np.concatenate([price, BOX_PRICES]),
            cost=np.concatenate([np.rint(price * share).astype(np.int64), BOX_COSTS]),
            quality=np.concatenate([quality, [4.2, 4.2]]),
            style=style.astype(np.float32),
            popularity=popularity.astype(np.float32),
            season=(swing[:, None] * months).astype(np.float32),
            launched=launched,
            withdrawn=withdrawn,
            stock=generator.poisson(np.exp(popularity + 3)),
            per_cell=per_cell,
        )

    def is_on_sale(self, product: Ints, day: Ints) -> Bools:
        """Whether products of cells are on sale on a day; the arrays are broadcast."""
        return (self.launched[product] <= day) & (day < self.withdrawn[product])

    def cycle_chances(self, cell: int | np.integer) -> Floats:
        """Chances of 1, 2, ... days until a line of a cell is used up; sum 1."""
        mean = self.cycle[cell]
        days = np.arange(1, round(mean * (1 + 4 * CYCLE_SPREAD)) + 1)
        chances = np.exp(-0.5 * ((days - mean) / (CYCLE_SPREAD * mean)) ** 2)
        return chances / chances.sum()


def utilities(
    catalogue: Catalogue,
    cell: Ints,
    style: Singles,
    novelty: Singles,
    day: Ints,
    month: Ints,
    had: Ints | None = None,
) -> Singles:
    """Utility of each product of a line's cell, shape (m, per_cell).

    `style` has shape (m, STYLES), the others (m,); `had` has the day on which the
    person last bought each product of the cell, below 0 for never, shape (m, per_cell).
    A product's chance to be chosen is in proportion to exp(utility).
    """
    product = cell[:, None] * catalogue.per_cell + np.arange(catalogue.per_cell)
    utility = np.einsum("mkd,md->mk", catalogue.style[product], style)
    utility += catalogue.popularity[product]
    utility += catalogue.season[product, month[:, None]]
    age = day[:, None] - catalogue.launched[product]
    is_new = (age < NEW_DAYS) & (catalogue.launched[product] >= 0)
    utility += novelty[:, None] * is_new
    if had is not None:
        is_used_up = catalogue.cycle[cell][:, None] > 0
        utility += np.float32(HABIT) * (is_used_up & (had >= 0))
        is_owned = (had >= 0) & (day[:, None] - had < DURABLE_DAYS)
        utility += np.float32(OWNED) * (~is_used_up & is_owned)
    return np.where(catalogue.is_on_sale(product, day[:, None]), utility, -np.inf)


def choose_product(
    generator: np.random.Generator,
    catalogue: Catalogue,
    cell: Ints,
    style: Singles,
    novelty: Singles,
    day: Ints,
    month: Ints,
    had: Ints | None = None,
) -> Ints:
    """Products, one of each cell, by their utilities; the arguments are theirs."""
    points = generator.random(len(cell))
    chosen = np.empty(len(cell), dtype=np.int64)
    for begin in range(0, len(cell), CHUNK):
        part = slice(begin, begin + CHUNK)
        utility = utilities(
            catalogue,
            cell[part],
            style[part],
            novelty[part],
            day[part],
            month[part],
            None if had is None else had[part],
        )
        weights = np.exp(utility - utility.max(axis=1, keepdims=True))
        cumulative = np.cumsum(weights, axis=1, dtype=np.float64)
        point = points[part, None] * cumulative[:, -1:]
        place = (cumulative[:, :-1] <= point).sum(axis=1)
        chosen[part] = cell[part] * catalogue.per_cell + place
    return chosen
