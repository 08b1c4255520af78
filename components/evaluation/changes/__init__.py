"""What a difference between two models means."""
