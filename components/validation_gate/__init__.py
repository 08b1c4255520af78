"""ValidationGate: the node that stops a run on bad data."""
