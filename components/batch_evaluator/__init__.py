"""Evaluator that computes metrics in batches, with the outputs of stock Evaluator."""
