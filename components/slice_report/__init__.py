"""The report of a run for its reviewer: one page that needs no network, and the same facts as JSON."""
