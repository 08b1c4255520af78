"""The texts of evaluation.py and card.py: how a model is judged, and what only people know of it."""

from pipeline.scaffold.draft.workload import Draft

TOLERANCE = 0.005


def evaluation_text(draft: Draft) -> str:
    """Return the text of evaluation.py: slices of categories of few values, bounds from the references."""
    plan, found = draft.plan, draft.plan.references
    slices = "".join(f'("{name}",), ' for name in plan.slices).strip()
    slice_words = (
        "Categories of 2 to 8 values; add those that matter." if plan.slices else "No category has 2 to 8 values."
    )
    rare = f"    decision_threshold={plan.target.rate:.3g},  # the share of {draft.event}, which is rare\n"
    return f'''"""Slices and bounds of the {draft.name} workload.

On the {plan.split.sizes()["test"]:,} test rows a logistic regression has AUC {found.linear:.3f}, boosted trees \
{found.trees:.3f}, and the base rate
log loss {found.rate_log_loss:.3f}. Rows of the rarer label are {found.minority:,}: an AUC is known to about \
± {found.noise:.2f}.
"""

from pipeline.criteria import Change, Threshold
from pipeline.workloads.contract import Evaluation

EVALUATION = Evaluation(
    # {slice_words}
    slices=({slices}),
    thresholds=(
        # The logistic regression, less 0.01 and the noise of the test rows. Raise it to what you need.
        Threshold("AUC", lower={found.auc_bound}),
        # What the base rate alone has{"" if found.minority >= 1000 else ", and the noise of the test rows"}.
        Threshold("BinaryCrossEntropy", upper={found.log_loss_bound}),
    ),
    # Against the model that is served.
    changes=(Change("AUC", better="higher", tolerance={max(TOLERANCE, round(found.noise / 5, 3))}),),
{rare if plan.target.is_rare else ""})
'''


def card_text(draft: Draft) -> str:
    """Return the text of card.py: what the rows say is filled in; what only people know is a blank."""
    title = f"Will {draft.label} be {draft.event}?"
    inputs = f"{len(draft.plan.inputs)} columns of {draft.source.rpartition('/')[2]}"
    return f'''"""The model card of the {draft.name} workload; each () and "" is a blank, which the report marks."""

from components.slice_report.facts import Card

CARD = Card(
    title="{title}",
    summary="A Wide & Deep classifier that gives the probability that {draft.label} is {draft.event}, from {inputs}.",
    # Fill in: for what, and for whom, is the score used? One sentence each, ("…",).
    intended_use=(),
    # Fill in: which decisions must not rest on it?
    out_of_scope=(),
    # Fill in: what do the rows not show? Where do they come from, from when to when, who is missing?
    limits=(),
    # Fill in: whom can a wrong score hurt?{sensitive_words(draft)}
    ethics=(),
    # Fill in: who answers for it, and under which licence are the rows?
    owners=(),
    licence="",
    provider="",
    contact="",
)
'''


def sensitive_words(draft: Draft) -> str:
    """Return a sentence that names the columns that may be sensitive; empty if there are none."""
    names = draft.plan.sensitive
    return f" {', '.join(names)} may name groups of people." if names else ""
