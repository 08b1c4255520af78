"""What ML Metadata and the served folder record of reports, decisions, models and versions, and what follows."""
