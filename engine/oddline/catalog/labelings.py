"""The label methods: how scores become labels."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LABELINGS", "Labeling"]


@dataclass(frozen=True)
class Labeling:
    """A label method: static (its line is drawn once, from all rows) or dynamic (from rows before).

    ``threshold`` says what the parameter ``labeling_threshold`` means to it; ``ibm`` whether the
    IBM dialect knows it.
    """

    name: str
    blurb: str
    threshold: str
    dynamic: bool = False
    ibm: bool = False
    papers: tuple[str, ...] = ()


_SHARE = "the share of rows to flag where it is between 0 and 1, else 0.3 %"
_TAIL = "ε, the chance of a false alarm, where it is between 0 and 1, else 1e-5"
_HUNDMAN = "Hundman et al. 2018, doi:10.1145/3219819.3219845"

LABELINGS: tuple[Labeling, ...] = (
    Labeling(
        "Chi-Square",
        "Flags a score too large for the variance of the scores before it.",
        "a critical value of χ² with one degree of freedom",
        dynamic=True,
        ibm=True,
    ),
    Labeling(
        "IID",
        "One line for all rows, from the bulk and the tail of the scores.",
        "a critical value of χ² with one degree of freedom, as a rate of false alarms",
        ibm=True,
        papers=("Siffer et al. 2017, doi:10.1145/3097983.3098144",),
    ),
    Labeling(
        "Q-Score",
        "Flags where the mean of recent scores is unlikely beside a long past.",
        _TAIL,
        dynamic=True,
        ibm=True,
        papers=("Ahmad et al. 2017, doi:10.1016/j.neucom.2017.04.070",),
    ),
    Labeling(
        "Sliding-Window",
        "Flags a score far above the mean of the scores before it.",
        "standard deviations above the mean, of square roots of scores",
        dynamic=True,
        ibm=True,
    ),
    Labeling(
        "Adaptive-Sliding-Window",
        "A Sliding-Window that chooses its own number of deviations.",
        "the largest number of standard deviations to choose from",
        dynamic=True,
        ibm=True,
        papers=(_HUNDMAN,),
    ),
    Labeling(
        "Contextual-Anomaly",
        "Flags runs of smoothed scores that rise above the line of their stretch.",
        "the largest number of standard deviations to choose from",
        dynamic=True,
        ibm=True,
        papers=(_HUNDMAN,),
    ),
    Labeling("Contamination", "Flags a given share of the rows, the oddest.", _SHARE),
    Labeling(
        "Adaptive-Contamination",
        "Flags the events that stand out from the others, as many as the scores show.",
        "the largest " + _SHARE.removeprefix("the "),
        papers=("Leadbetter 1991, doi:10.1016/0167-7152(91)90107-3",),
    ),
    Labeling(
        "Q-Function",
        "One line where the scores, taken as cube roots of a normal, become unlikely.",
        _TAIL,
    ),
    Labeling(
        "MAD",
        "One line so many median absolute deviations above the median.",
        "median absolute deviations, of square roots of scores",
        papers=("Leys et al. 2013, doi:10.1016/j.jesp.2013.03.013",),
    ),
    Labeling(
        "Otsu",
        "The line that best parts the scores into two classes.",
        "no meaning: the method has no parameter",
        papers=("Otsu 1979, doi:10.1109/TSMC.1979.4310076",),
    ),
)
