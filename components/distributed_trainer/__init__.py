"""Trainer that starts its own workers, monitors them, and restarts them when one fails."""
