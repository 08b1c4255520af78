"""The model card of the impressions workload."""

from components.slice_report.facts import Card

CARD = Card(
    title="Will this impression be clicked?",
    summary=(
        "A Wide & Deep model that gives the probability that a user of a shop clicks on an item that is shown, from "
        "the person, the item, the device, the place on the page and the time. The shop is made up: the probability of "
        "each click is known, and so is the best that any model can do."
    ),
    intended_use=(
        "Teaching and testing: a model can be held against a ceiling that is known exactly, overall and by slice.",
        "Measuring speed at any number of rows.",
    ),
    out_of_scope=(
        "Any real shop: users, items and tastes follow a formula.",
        "Conclusions on what people of an age or a city like.",
    ),
    limits=(
        "What a user wants beyond age, city and membership is not learned: there are few rows of each.",
        "Items beyond the 5,000 that are shown most share one embedding.",
    ),
    ethics=(
        "Age is an input, made up like all others. The section on fairness shows how it is handled on rows for which "
        "the truth is known.",
    ),
    owners=("The maintainers of this pipeline",),
    licence="Data: drawn by the code of this repository; no terms of others.",
)
