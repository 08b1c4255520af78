"""What only people know of a model: the text of its card."""

from dataclasses import dataclass

Sentences = tuple[str, ...]


@dataclass(frozen=True)
class Documentation:
    """Points of Annex IV of the EU AI Act that no run can know; one that is empty is a marked blank on the card.

    Regulation (EU) 2024/1689, https://eur-lex.europa.eu/eli/reg/2024/1689/oj. The numbers are those of the annex.

    Attributes:
        interaction: 1 (b), with other software, hardware and AI systems.
        forms: 1 (d), the ways in which it is put into service.
        hardware: 1 (e), that it is meant to run on.
        product: 1 (f), of which it is a part, and how that looks.
        user_interface: 1 (g), of those who use it.
        instructions: 1 (h), for those who use it.
        third_party: 2 (a), models and tools of others, and what was done with them.
        design: 2 (b), the main choices, their reasons and assumptions.
        data_collection: 2 (d), how rows were obtained, selected, labelled and cleaned.
        oversight: 2 (e), by people, and what helps them to read the output.
        planned_changes: 2 (f), that were decided beforehand.
        security: 2 (h), the measures taken.
        risks: 3, outcomes that nobody intends, to health, safety, fundamental rights, and of discrimination.
        metric_choice: 4, why these metrics suit the purpose.
        risk_management: 5, the system of Article 9.
        changes: 6, over the lifetime, beyond those since the baseline.
        standards: 7, applied in full or in part.
        conformity: 8, the EU declaration of conformity.
        monitoring: 9, the plan for the time after release.
    """

    interaction: Sentences = ()
    forms: Sentences = ()
    hardware: Sentences = ()
    product: Sentences = ()
    user_interface: Sentences = ()
    instructions: Sentences = ()
    third_party: Sentences = ()
    design: Sentences = ()
    data_collection: Sentences = ()
    oversight: Sentences = ()
    planned_changes: Sentences = ()
    security: Sentences = ()
    risks: Sentences = ()
    metric_choice: Sentences = ()
    risk_management: Sentences = ()
    changes: Sentences = ()
    standards: Sentences = ()
    conformity: Sentences = ()
    monitoring: Sentences = ()


@dataclass(frozen=True)
class Card:
    """The team's description of the model (Mitchell et al. 2019, https://doi.org/10.1145/3287560.3287596).

    Attributes:
        version: of the model as its team counts; empty if the run is the version.
        provider: the person or organization that answers for the model.
        contact: an address for questions and complaints.
        documentation: points of Annex IV of the EU AI Act.
    """

    title: str
    summary: str
    intended_use: Sentences
    out_of_scope: Sentences
    limits: Sentences
    ethics: Sentences
    owners: Sentences
    licence: str
    version: str = ""
    provider: str = ""
    contact: str = ""
    documentation: Documentation = Documentation()
