"""The model card of the census workload."""

from components.slice_report.facts import Card

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
)
