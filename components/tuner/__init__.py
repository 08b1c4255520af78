"""Tuner: a search over declared ranges of the training's settings, one process a trial."""
