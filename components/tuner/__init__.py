"""Tuner: a hyperparameter search over declared ranges, with one process per trial."""
