"""The splits of the rows, in the order in which a model meets them."""

TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)
