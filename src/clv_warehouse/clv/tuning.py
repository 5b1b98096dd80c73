"""The constants of training that trials chose, in one place.

Unless a constant says otherwise, it was chosen on earlier dates of several shops, by
trials that no command repeats; `python -m benchmarks accuracy` shows how good the
forecasts are with it. A shop of a few years has too little history to choose its own.
If a constant changes, the next run trains (learning/fingerprints.py), and each row of
clv_network holds the constants that it was trained with.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """The constants of training.

    Attributes:
        validation_share: the share of the known days, at their end, that decides when
            to stop and how much of the network's correction counts. A convention, not
            from a trial.
        training_rows: the most rows to learn from. Observations of a customer overlap,
            so more took longer and were no better: 400,000 in batches of 4,096 had a
            mean Gini of 0.7248 on CDNOW, 100,000 in batches of 2,048 had 0.7246 (as of
            1998-03-31, 91 and 182 days, two seeds).
        judged_rows: the most rows of the later days to judge; more were no better.
        least_buyers: with fewer buyers than this no network is trained. Not from a
            trial: with fewer nothing can be judged.
        belief: the share of the network's correction that counts, unless later data
            speak against it; the rest stays with the prior. Three quarters ranked
            customers better than the whole; finer choices were no better than a guess.
            The scale of a buyer's spend counts whole, because the prior has none: three
            quarters drew it towards 1, and quantiles of 90 % were too high.
        doubt: the correction counts nothing if the prior is better on later data by
            more than so many standard errors. Two is the usual level of significance.
        sharpness: the share that counts of what later data say of the sharpness of the
            chance and of the spend. What came after had .9 of that of the chance (43
            dates of five shops). Of the spend it had .44 where nothing is reported: a
            quarter lowered WAPE on Online Retail II (12 earlier dates) from .267 to
            .253 and on two made-up shops by .002, and left that of CDNOW at .134; all
            of it raised CDNOW's to .159.
        sharpness_spread: standard deviation, over shops and dates, of how much further
            apart forecasts should lie; it steadies shops of few customers. Its own was
            .1 over shops, and that of one shop's dates .08.
        drift: standard deviation, in logs, by which all customers together differ from
            one window of time to the next.
        horizon_effect: standard deviation, in logs, of the error of a whole horizon.
        location_effect: standard deviation of the error of where buyers' log spend
            lies, at all horizons. The prior takes half for half the square of its
            scale, which varies from shop to shop: with 0.5 what came was .084 from what
            past windows said, with 0.3 .089, without .135 (root mean squares of 157
            dates of seven shops). The chance and the total have no such effect:
            estimated from past windows, by whatever variance, it left their errors as
            they were.
        month_effect: standard deviation, in logs, of what the prior leaves of the
            effect of a month of the year. With 0.5, 0.25 and 0.1 totals were off by
            8.1, 7.8 and 7.8 % on average (Online Retail II as of 14 March and 13 May
            2011, the sample shop as of 4 February and 5 April 2025, 91 and 182 days).
        start_effect: standard deviation, in logs, of the effect of a history's start.
            In a shop's first months every customer looks new, which biases spend
            upward; without this effect the bias passed for a season.
        start_days: after so many days 1/e of the start's effect is left.
        most_off: no window counts as further off than this, in logs; 2 is a factor of
            7.4. Not from a trial: a window in which nobody bought has no logarithm.
        level_days: the level is computed at these horizons and at those of training,
            and interpolated between them. Not from a trial.

    """

    validation_share: float = 1 / 3
    training_rows: int = 100_000
    judged_rows: int = 100_000
    least_buyers: int = 100
    belief: float = 0.75
    doubt: float = 2.0
    sharpness: tuple[float, float] = (1.0, 0.25)
    sharpness_spread: float = 0.2
    drift: float = 0.2
    horizon_effect: float = 0.03
    location_effect: float = 0.5
    month_effect: float = 0.2
    start_effect: float = 1.0
    start_days: int = 120
    most_off: float = 2.0
    level_days: tuple[int, ...] = (7, 30, 61, 91, 122, 182, 273, 365, 548, 730)


TUNING = Tuning()
