"""The pipelines and their estimators: what each finds, misses and costs, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALGORITHMS", "Algorithm", "Estimator", "estimators_of", "lane_of", "least_columns_of"]


@dataclass(frozen=True)
class Estimator:
    """One way to score inside an algorithm.

    ``finds``, ``misses`` and ``cost`` are short phrases for the documents; ``papers`` names author,
    year and DOI. ``aliases`` are further names that are understood.
    """

    name: str
    blurb: str
    finds: str
    misses: str
    cost: str
    papers: tuple[str, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Algorithm:
    """A pipeline: what it looks for, its estimators (the first is the default) and its lane.

    ``least_columns`` is how many target columns it needs.
    """

    name: str
    blurb: str
    estimators: tuple[Estimator, ...]
    aliases: tuple[str, ...] = ()
    lane: str = "cpu"
    least_columns: int = 1


ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm(
        "auto",
        "Chooses the strongest combination for the data at hand and says why.",
        (
            Estimator(
                "Default",
                "Several views of the series, each in units of its own everyday; the loudest is heard.",
                finds="spikes, odd shapes, levels and missing beats of up to a few hundred rows",
                misses="what recurs every few windows, and changes slower than 200 rows",
                cost="O(n·d): a hundred thousand multiplications a row and column, whatever the look-back",
                papers=(
                    "Ramaswamy, Rastogi & Shim 2000, doi:10.1145/342009.335437",
                    "Angiulli & Pizzuti 2002, doi:10.1007/3-540-45681-3_2",
                    "Hotelling 1931, doi:10.1214/aoms/1177732979",
                ),
            ),
        ),
    ),
    Algorithm(
        "DeepAD",
        "An ensemble of good forecasters of different kinds: a row is odd when they did not see it coming.",
        (
            Estimator(
                "Default",
                "The best forecasters found on a held-out block of the series.",
                finds="spikes, breaks and bursts that the past does not explain, by several opinions",
                misses="slow drifts, which a forecaster follows, and odd shapes that are smooth",
                cost="O(n·L·d), five forecasters a column",
                papers=(
                    "Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",
                    "Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0",
                    "Bates & Granger 1969, doi:10.1057/jors.1969.103",
                ),
            ),
        ),
    ),
    Algorithm(
        "PredAD",
        "One forecaster, the best on held-out rows: a row is odd when it was not predicted.",
        (
            Estimator(
                "Default",
                "The best forecaster found on a held-out block of the series.",
                finds="spikes, breaks and bursts that the past does not explain",
                misses="slow drifts, which a forecaster follows, and odd shapes that are smooth",
                cost="O(n·L·d), one forecaster a column",
                papers=(
                    "Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",
                    "Yeo & Johnson 2000, doi:10.1093/biomet/87.4.954",
                    "Vapnik 1995, doi:10.1007/978-1-4757-2440-0",
                    "Geurts, Ernst & Wehenkel 2006, doi:10.1007/s10994-006-6226-1",
                ),
            ),
        ),
    ),
    Algorithm(
        "ReconstructAD",
        "A small net learns to rebuild windows: a row is odd where it fails.",
        (
            Estimator(
                "DNN_AutoEncoder",
                "A dense net with a narrow waist.",
                finds="windows that do not follow the few patterns most windows share, large ones first",
                misses="odd windows that are small beside the usual error, and patterns that recur",
                cost="O(n·L·d) and some hundred steps of training",
                papers=(
                    "Hawkins, He, Williams & Baxter 2002, doi:10.1007/3-540-46145-0_17",
                    "Sakurada & Yairi 2014, doi:10.1145/2689746.2689747",
                ),
            ),
            Estimator(
                "Seq2seq_AutoEncoder",
                "A recurrent net reads a window, another writes it back from its end.",
                finds="windows whose order of events differs from the usual, and large ones",
                misses="small odd windows, and details of long windows, which it reads in groups of rows",
                cost="O(n·L·d), about ten times the dense net",
                papers=("Malhotra et al. 2016, doi:10.48550/arXiv.1607.00148",),
            ),
            Estimator(
                "CNN_AutoEncoder",
                "Convolutions that leave out rows, and others that fill them in again.",
                finds="short shapes that are rare, wherever they stand in the window; spikes and noise",
                misses="slow changes and odd orders of usual shapes: it sees a few rows at a time",
                cost="O(n·L·d), about ten times the dense net",
                papers=(
                    "Hawkins, He, Williams & Baxter 2002, doi:10.1007/3-540-46145-0_17",
                    "Zeiler, Krishnan, Taylor & Fergus 2010, doi:10.1109/CVPR.2010.5539957",
                ),
            ),
            Estimator(
                "DNN_VariationalAutoEncoder",
                "A dense net with a random waist, which keeps only what is worth its price.",
                finds="windows that do not follow the few patterns most windows share, large ones first",
                misses="odd windows that are small beside the usual error, and patterns that recur",
                cost="O(n·L·d) and some hundred steps of training",
                papers=(
                    "Kingma & Welling 2014, doi:10.48550/arXiv.1312.6114",
                    "An & Cho 2015, Variational autoencoder based anomaly detection using "
                    "reconstruction probability, SNU Data Mining Center",
                ),
            ),
        ),
        aliases=("ReconstructionAD",),
        lane="gpu",
    ),
    Algorithm(
        "WindowAD",
        "Windows of the series as points: a row is odd when its windows lie apart.",
        (
            Estimator(
                "IsolationForest",
                "Windows that few random cuts isolate.",
                finds="windows of unusual level, size or shape",
                misses="events that recur, and small ones inside a busy series",
                cost="O(n·L·d + n·trees)",
                papers=("Liu, Ting & Zhou 2008, doi:10.1109/ICDM.2008.17",),
            ),
            Estimator(
                "NearestNeighbor",
                "Windows far from their nearest like.",
                finds="odd shapes, levels and bursts of about the length of the look-back",
                misses="events that recur: they are each other's neighbours",
                cost="O(n·L·d)",
                papers=(
                    "Ramaswamy, Rastogi & Shim 2000, doi:10.1145/342009.335437",
                    "Angiulli & Pizzuti 2002, doi:10.1007/3-540-45681-3_2",
                ),
            ),
            Estimator(
                "SyntheticRandomForestTrainer",
                "Windows that trees take for made up: they part the seen from uniform draws around it.",
                finds="windows where hardly any others lie, at the edge or between the groups",
                misses="events that recur, and small ones inside a busy series",
                cost="O(n·L·d + n·trees)",
                papers=(
                    "Breiman 2001, doi:10.1023/A:1010933404324",
                    "Shi & Horvath 2006, doi:10.1198/106186006X94072",
                ),
            ),
            Estimator(
                "MinCovDet",
                "Windows outside of the ellipsoid that holds the bulk of them.",
                finds="departures in directions in which windows hardly ever move, however small",
                misses="odd windows between the modes of a series that has several",
                cost="O(n·L·d), whatever the number of events",
                papers=(
                    "Rousseeuw & Van Driessen 1999, doi:10.1080/00401706.1999.10485670",
                    "Hubert, Rousseeuw & Verdonck 2012, doi:10.1080/10618600.2012.672100",
                    "Boudt, Rousseeuw, Vanduffel & Verdonck 2020, doi:10.1007/s11222-019-09869-x",
                ),
            ),
            Estimator(
                "AnomalyEnsembler",
                "The mean opinion of the other estimators of WindowAD, each in its own deviations.",
                finds="what at least one of them finds clearly",
                misses="events that recur",
                cost="the sum of the others",
                papers=(
                    "Aggarwal & Sathe 2015, doi:10.1145/2830544.2830549",
                    "Kriegel, Kröger, Schubert & Zimek 2011, doi:10.1137/1.9781611972818.2",
                ),
            ),
        ),
    ),
    Algorithm(
        "RelationshipAD",
        "What columns have to do with each other: a row is odd when that no longer holds.",
        (
            Estimator(
                "Covariance",
                "Windows whose covariance and mean are far from the usual ones.",
                finds="columns that part from each other, shifts and bursts of whole groups of columns",
                misses="events inside one column that keep its usual range and its links",
                cost="O(n·(16·d + 136)), to learn O(n·d·min(n, d))",
                papers=("Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4",),
            ),
            Estimator(
                "GMM_L0",
                "Values unlikely given the others, in a Gaussian graphical model with few links.",
                finds="columns that leave the value which the columns they are linked to suggest",
                misses="links that are not linear, and events inside one column of usual size",
                cost="O(n·d·min(d, 64))",
                papers=(
                    "Phan, Idé, Kalagnanam, Menickelly & Scheinberg 2017, doi:10.48550/arXiv.1612.01480",
                    "Dempster 1972, doi:10.2307/2528966",
                ),
                aliases=("GGM_L0",),
            ),
            Estimator(
                "GMM_L1",
                "Values unlikely given the others, in a Gaussian graphical model by the graphical lasso.",
                finds="columns that leave the value which the columns they are linked to suggest",
                misses="links that are not linear, and events inside one column of usual size",
                cost="O(n·d·min(d, 64))",
                papers=(
                    "Friedman, Hastie & Tibshirani 2008, doi:10.1093/biostatistics/kxm045",
                    "Idé, Lozano, Abe & Liu 2009, doi:10.1137/1.9781611972795.9",
                ),
                aliases=("GGM_L1",),
            ),
            Estimator(
                "MachineTranslation",
                "Values that the other columns do not translate to.",
                finds="columns that part from those which usually foretell them",
                misses="links that are not linear, and columns that nothing else explains",
                cost="O(n·d·min(d, 64))",
                papers=("Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",),
            ),
        ),
        aliases=("RelationAD",),
        least_columns=2,
    ),
)


def estimators_of(algorithm: str) -> tuple[str, ...]:
    """The estimator names of one algorithm, its default first."""
    return tuple(e.name for e in _algorithm(algorithm).estimators)


def least_columns_of(algorithm: str) -> int:
    """How many target columns the algorithm needs."""
    return _algorithm(algorithm).least_columns


def lane_of(algorithm: str) -> str:
    """The lane, ``"cpu"`` or ``"gpu"``, that jobs of this algorithm wait in."""
    return _algorithm(algorithm).lane


def _algorithm(name: str) -> Algorithm:
    return next(a for a in ALGORITHMS if a.name == name)
