"""Draws a report as one HTML file and as a model card."""

from components.slice_report.page.card import model_card
from components.slice_report.page.document import render

__all__ = ["model_card", "render"]
