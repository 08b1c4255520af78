"""Trainings on Kubernetes: an Indexed Job for the tasks of each attempt."""
