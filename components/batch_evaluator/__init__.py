"""Evaluator that counts metrics in batches, with the outputs of stock Evaluator."""
