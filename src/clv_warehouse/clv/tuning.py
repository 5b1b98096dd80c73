"""The constants of training that trials chose, in one place.

Where nothing else is said, they were chosen on earlier dates of several shops, by
trials that no command repeats; `python -m benchmarks accuracy` shows what they come to
on the dates that are judged now. A shop of a few years cannot choose them for itself.
A change trains the network anew (see learning/fingerprints.py), and a network's row in
clv_network says what it was trained with.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """What training takes as known.

    Attributes:
        validation_share: share of the known days, at their end, that says when to stop
            and how far to believe the network. By convention, from no trial.
        training_rows: most rows to learn from; more took longer and were no better.
        judged_rows: most rows of the later days that are judged; likewise.
        least_buyers: of fewer buyers than this the network is not trained. From no
            trial: a bound below which nothing can be judged.
        belief: weight of the network where later data do not speak against it, the rest
            being the prior's. Three quarters ranked customers better than all of it;
            finer choices were no better than a guess.
        doubt: the prior has all the weight where it is better on later data by more
            than so many standard errors: two is the usual level of significance.
        drift: standard deviation, in logs, by which one window of time differs from the
            next for all customers together.
        horizon_effect: the same of what a horizon as a whole is off.
        month_effect: the same of a month of the year: 0.5 is a December of 1.6 times
            the usual spend.
        start_effect: the same of a history's start, when old customers look new and
            spend more than new ones: unmodelled, that passed for a season.
        start_days: after so many days 1/e of the start's effect is left.
        most_off: no window counts as further off than this, in logs: 2 is 7.4 times.
            A bound, from no trial: a window in which nobody bought would have no
            logarithm.
        level_days: the level is known at these horizons and at those of training, and
            interpolated between them. From no trial.

    """

    validation_share: float = 1 / 3
    training_rows: int = 400_000
    judged_rows: int = 100_000
    least_buyers: int = 100
    belief: float = 0.75
    doubt: float = 2.0
    drift: float = 0.2
    horizon_effect: float = 0.03
    month_effect: float = 0.5
    start_effect: float = 1.0
    start_days: int = 120
    most_off: float = 2.0
    level_days: tuple[int, ...] = (7, 30, 61, 91, 122, 182, 273, 365, 548, 730)


TUNING = Tuning()
