"""The model card of the impressions workload."""

from components.slice_report.facts import Card, Documentation

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
    provider="The maintainers of this pipeline",
    contact="The issue tracker of this repository",
    documentation=Documentation(
        interaction=(
            "A client sends the columns of a row, or serialized tf.Examples, and gets the score; the signatures are "
            "in docs/serving.md.",
        ),
        forms=("A TensorFlow SavedModel with its preprocessing inside, in a folder of versions.",),
        hardware=("Any machine that runs TensorFlow; a CPU is enough.",),
        third_party=(
            "No pre-trained model: weights start at random, or with training.warm_start at those of the latest "
            "blessed model.",
        ),
        design=(
            "A linear part over single features remembers, a deep part over embeddings generalizes.",
            "Training minimizes log loss, so that the score is a probability.",
        ),
        data_collection=(
            "data.synthetic draws each row, and its click with a known probability. The earliest rows are for "
            "training, the latest for the test.",
        ),
        metric_choice=(
            "Clicks are rare, so AUC and log loss are held against the best that is possible, not against 1; "
            "calibration, since a price may be multiplied by the score. GroupAUC, since a page ranks items for one "
            "user.",
        ),
    ),
)
