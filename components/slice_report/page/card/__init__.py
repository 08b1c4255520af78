"""The model card: what people wrote and what was measured, in the order of Annex IV of the EU AI Act."""

from components.slice_report.page.card.drawn import card_section
from components.slice_report.page.card.facts import rows_by_split, verdict_in_words
from components.slice_report.page.card.written import model_card

__all__ = ["card_section", "model_card", "rows_by_split", "verdict_in_words"]
