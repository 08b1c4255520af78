"""What the metrics mean, in the words of the page and of the model card."""

from collections.abc import Iterable

from markupsafe import Markup

from components.slice_report.page.html import details, pairs

CALIBRATION = "the mean score divided by the share of positives: 1 is right, above 1 the scores are too high"
MEANINGS = {
    "AUC": "the probability that a positive row has a higher score than a negative one: 0.5 is chance, 1 is best",
    "AUCPrecisionRecall": "the average precision: the share of positives is chance, 1 is best",
    "BinaryAccuracy": "the share of rows that are on the right side of the decision threshold",
    "BinaryCrossEntropy": "log loss, the mean surprise at the label: lower is better, 0.6931 is a score of 0.5 always",
    "Calibration": CALIBRATION,
    "GroupAUC": "AUC within each group, then the mean over groups with both labels",
    "GroupHitRate": "the share of groups that have a positive among the first rows",
    "GroupMAP": "the average precision of the first rows of each group, then the mean over groups with a positive",
    "GroupNDCG": "how near the first rows of each group come to the best order of it, a place counting the less the "
    "lower it is, then the mean over groups with a positive: 1 is best",
    "MeanLabel": "the share of positives",
    "MeanPrediction": "the mean score",
    "Precision": "the share of rows with a score above the decision threshold that are positive",
    "Recall": "the share of positives with a score above the decision threshold",
}
CALIBRATION_ERROR = (
    "the mean distance between score and observed share of positives, over ten equal bins of the score weighted by "
    "their rows: 0 is best"
)


def meanings_part(metrics: Iterable[str]) -> Markup:
    """Draw the meaning of each of the metrics that has one, folded; ``metrics`` are names as in the config."""
    known = [(metric, MEANINGS[metric]) for metric in metrics if metric in MEANINGS]
    return details("What the metrics mean", pairs(known)) if known else Markup()
