"""Compares any number of runs: settings that differ, metrics with intervals of their differences, by slice."""
