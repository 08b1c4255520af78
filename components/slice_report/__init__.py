"""The report on a model for its reviewer: one HTML page without requests, and the same facts as JSON."""
