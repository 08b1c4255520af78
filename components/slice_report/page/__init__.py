"""The page: facts to one HTML file, by functions that read nothing but the style sheet and scripts beside them."""

from components.slice_report.page.card import model_card
from components.slice_report.page.document import render

__all__ = ["model_card", "render"]
