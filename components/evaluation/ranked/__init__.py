"""Metrics of the order in which scores put rows: areas under curves, and the order within groups."""
