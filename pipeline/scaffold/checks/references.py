"""What simple models reach on the same rows: the measure that a model of the workload must not miss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.scaffold.checks.leaks import auc
from pipeline.scaffold.checks.split import Split
from pipeline.scaffold.columns.profile import Profile

MOST_ROWS = 100_000
# A category of the linear model; scikit-learn's trees take 255 of a column.
LINEAR_VALUES, TREE_VALUES = 300, 254
# How far below the linear model the bound lies: this much, and noise by the rows of the rarer label in the test.
MARGIN, NOISE = 0.01, 0.5
# Nothing honest is this good: several columns together may tell the answer.
TOO_GOOD_AUC = 0.995
DAY_S, WEEK_S, YEAR_S = 86_400, 604_800, 31_556_952
ITERATIONS = 100

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class References:
    """Test metrics of models that were fitted on the train split.

    Attributes:
        rate: the share of ones in train.
        rate_log_loss: the log loss of that share as the score of every test row.
        linear: the AUC of a logistic regression.
        trees: the AUC of scikit-learn's HistGradientBoostingClassifier with its default settings.
        minority: the test rows of the rarer label.
    """

    rate: float
    rate_log_loss: float
    linear: float
    trees: float
    minority: int

    @property
    def noise(self) -> float:
        """About how much an AUC on these test rows may differ by chance."""
        return NOISE / math.sqrt(max(self.minority, 1))

    @property
    def auc_bound(self) -> float:
        """The least AUC that a model must have: near the linear one, and at least that of no knowledge."""
        return math.floor(1000 * max(0.5, self.linear - MARGIN - self.noise)) / 1000

    @property
    def log_loss_bound(self) -> float:
        """The most log loss that a model may have: what the base rate has, and noise."""
        return math.ceil(1000 * (self.rate_log_loss + (self.noise if self.minority < 1000 else 0.0))) / 1000


def measure(profiles: Sequence[Profile], ones: NDArray[np.int64], split: Split, seed: int = 0) -> References:
    """Fit the references on the train split, at most ``MOST_ROWS`` of it, and measure them on the test split."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    train, test = split.rows(0), split.rows(2)
    if len(train) > MOST_ROWS:
        train = np.sort(np.random.default_rng(seed).permutation(train)[:MOST_ROWS])
    rate = float(ones[train].mean())
    spread = ones[test].mean()
    log_loss = float(-spread * math.log(rate) - (1 - spread) * math.log(1 - rate))
    dense, categorical = tree_inputs(profiles, train)
    trees = HistGradientBoostingClassifier(categorical_features=categorical, random_state=seed)
    trees.fit(dense[train], ones[train])
    wide = linear_inputs(profiles, train)
    linear = LogisticRegression(max_iter=ITERATIONS, random_state=seed)
    _fit_quietly(linear, wide[train], ones[train])
    minority = int(min(ones[test].sum(), len(test) - ones[test].sum()))
    of_linear, of_trees = (
        auc(ones[test], model.predict_proba(rows[test])[:, 1]) for model, rows in ((linear, wide), (trees, dense))
    )
    return References(rate, log_loss, of_linear, of_trees, minority)


def _fit_quietly(model: Any, rows: Any, ones: NDArray[np.int64]) -> None:
    """Fit a model that may stop before it has converged, which is good enough for a reference."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, ones)


def tree_inputs(profiles: Sequence[Profile], train: NDArray[np.int64]) -> tuple[Matrix, list[bool]]:
    """Return a column a number or category, (rows, columns), NaN for missing, and which columns are categories."""
    parts: list[Matrix] = []
    categorical: list[bool] = []
    for each in profiles:
        if each.column.is_number or each.kind == "date":
            added = number_parts(each)
        else:
            codes = category_codes(each, train, TREE_VALUES)
            added = [np.where(codes < 0, np.nan, codes)]
        parts += added
        categorical += [not (each.column.is_number or each.kind == "date")] * len(added)
    return np.stack(parts, axis=1), categorical


def linear_inputs(profiles: Sequence[Profile], train: NDArray[np.int64]) -> Any:
    """Return scaled numbers with a flag for missing, and a column a category, as a sparse (rows, columns) matrix."""
    parts = []
    for each in profiles:
        if not each.column.is_number and each.kind != "date":
            codes = category_codes(each, train, LINEAR_VALUES) + 1
            ones = np.ones(len(codes))
            parts.append(sparse.csr_matrix((ones, (np.arange(len(codes)), codes)), (len(codes), LINEAR_VALUES + 2)))
            continue
        for number in number_parts(each):
            parts.append(sparse.csr_matrix(scaled(number, train, each)))
    return sparse.hstack(parts, format="csr")


def number_parts(each: Profile) -> list[Matrix]:
    """Return the number itself; of a date, its time and its place in the year, the week and the day."""
    numbers = each.column.numbers()
    if each.kind != "date":
        return [numbers]
    return [numbers, np.mod(numbers, YEAR_S), np.mod(numbers, WEEK_S) // DAY_S, np.mod(numbers, DAY_S)]


def scaled(numbers: Matrix, train: NDArray[np.int64], each: Profile) -> Matrix:
    """Return (rows, 2): the number with mean 0 and variance 1 over train, and whether it is missing."""
    if each.numbers is not None and each.kind != "date" and each.numbers.is_skewed:
        numbers = np.log1p(numbers)
    absent = np.isnan(numbers)
    given = numbers[train][~absent[train]]
    mean, deviation = (float(given.mean()), float(given.std())) if given.size else (0.0, 1.0)
    filled = np.where(absent, 0.0, (numbers - mean) / (deviation or 1.0))
    return np.stack([filled, absent.astype(np.float64)], axis=1)


def category_codes(each: Profile, train: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return the rank of each value by its rows in train, ``most - 1`` for all rarer ones, -1 for missing."""
    indices = each.column.values.dictionary_encode().indices
    codes = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes[train] + 1, minlength=codes.max() + 2)[1:]
    ranks = np.empty(len(counts) + 1, np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    ranks[-1] = -1
    return np.minimum(ranks[codes], most - 1)
