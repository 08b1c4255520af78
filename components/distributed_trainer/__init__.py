"""Trainer that starts its workers itself, watches them, and starts them again when one is lost."""
