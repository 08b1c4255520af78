"""The model card of the census workload."""

from components.slice_report.facts import Card, Documentation

CARD = Card(
    title="Income above 50,000 USD, from the 1994 United States census",
    summary=(
        "A Wide & Deep classifier that gives the probability that a person earned more than 50,000 USD in 1994, from "
        "age, work, education, family and origin as the census recorded them (UCI Adult)."
    ),
    intended_use=(
        "Teaching and testing: a public table with known reference results, on which a pipeline can be proven.",
        "Comparing methods of slicing, calibration and fairness on real rows.",
    ),
    out_of_scope=(
        "Any decision about a person: credit, hiring, housing, insurance, taxes, benefits.",
        "Incomes of another year or country: 50,000 USD of 1994 is another sum today.",
    ),
    limits=(
        "The rows are from 1994 and were selected: adults with an income and some hours of work.",
        "Groups are as the census named them; some are so small that their intervals say little.",
        "The label is a threshold on income; how far above or below is not known.",
    ),
    ethics=(
        "Sex, race and country of birth are inputs of the model, and the label carries the inequality of its time. The "
        "section on fairness shows the rates by group; equal rates are not enforced.",
    ),
    owners=("The maintainers of this pipeline",),
    licence="Data: UCI Adult, CC BY 4.0 (Becker and Kohavi 1996, https://doi.org/10.24432/C5XW20).",
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
            "A linear part over single features remembers, a deep part over embeddings generalizes. Sex, race and "
            "origin stay in, so that results can be compared with published ones.",
            "Training minimizes log loss, so that the score is a probability.",
        ),
        data_collection=(
            "Barry Becker extracted the rows from the census of 1994; the label is whether the income was above "
            "50,000 USD.",
            "The original test file is the test split; the rest is divided 9:1 into train and eval. Missing values "
            "stay missing.",
        ),
        metric_choice=(
            "AUC and accuracy are what is published on this data set; calibration, since the score is read as a "
            "probability. AUC has a bound for each sex, so that a good average cannot hide a bad group.",
        ),
    ),
)
