"""The lineage: the graph of artifacts, config, code, data and library versions."""

from collections.abc import Mapping

from markupsafe import Markup

from components.slice_report.facts import Lineage, Report
from components.slice_report.page.formats import counted
from components.slice_report.page.html import Child, details, name, pairs, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section, without_baseline

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 150, 30, 24, 46


def lineage_section(report: Report) -> Markup:
    lineage = report.lineage
    if lineage is None:
        return section("lineage", missing_notes(report, "lineage"))
    return section(
        "lineage",
        missing_notes(report, "lineage"),
        pairs(digests(lineage)),
        tag("h3", "Graph of this run"),
        graph(lineage),
        changes_part(lineage, without_baseline(report)),
        artifacts_part(lineage),
        details("Config", pairs((name(key), name(value)) for key, value in lineage.config)),
        details("Versions of libraries", pairs((library, found) for library, found in lineage.versions)),
    )


def digests(lineage: Lineage) -> list[tuple[Child, Child]]:
    """Return the digests of code, data and model."""
    sources = [(f"Source of {part}", tag("code", found)) for part, found in lineage.sources]
    data = [(words.replace("_", " ").capitalize(), tag("bdi", found)) for words, found in lineage.data]
    model = [("Digest of the model", tag("code", lineage.model_digest or "no model"))]
    signature = tag("code", lineage.signature_digest) if lineage.signature_digest else "not signed"
    commit = ("Code commit", tag("code", lineage.commit or "not in a Git checkout"))
    return [*model, commit, ("Digest of the signature", signature), *sources, *data]


def changes_part(lineage: Lineage, no_baseline: str) -> Markup:
    """Draw the differences from the config of the baseline."""
    heading = tag("h3", "Config changes since the baseline")
    if not lineage.config_changes:
        none = no_baseline if lineage.config_changes is None else "No differences."
        return heading + absent(none)
    changes = [
        row(name(change.key), name(change.before or "not set"), name(change.after or "not set"))
        for change in lineage.config_changes
    ]
    return heading + table("Config changes since the baseline", ("Key", "Baseline", "This run"), changes)


def artifacts_part(lineage: Lineage) -> Markup:
    """Draw every artifact, with the nodes that read it."""
    readers: dict[int, list[str]] = {}
    for artifact_id, node in lineage.edges:
        readers.setdefault(artifact_id, []).append(node)
    rows = [
        row(
            str(fact.id),
            fact.type,
            fact.producer,
            fact.output,
            tag("td", ", ".join(readers.get(fact.id, ())), class_="text"),
            tag("td", name(fact.uri)),
        )
        for fact in lineage.artifacts
    ]
    headings = ("Id", "Type", "Written by", "Output", "Read by", "Where")
    return details(counted(len(rows), "artifact"), table("Artifacts in ML Metadata", headings, rows))


def node_edges(lineage: Lineage) -> list[tuple[str, str]]:
    """Return which node feeds which. A node that reads its own output of an earlier run gives no edge."""
    producer = {fact.id: fact.producer for fact in lineage.artifacts}
    return sorted(
        {(source, node) for artifact, node in lineage.edges if (source := producer.get(artifact)) and source != node}
    )


def depths(edges: list[tuple[str, str]], nodes: list[str]) -> dict[str, int]:
    """Return how many steps each node is from the first nodes.

    >>> depths([("a", "b"), ("b", "c"), ("a", "c")], ["a", "b", "c"])
    {'a': 0, 'b': 1, 'c': 2}
    """
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in edges:
            depth[target] = max(depth[target], min(depth[source] + 1, len(nodes)))
    return depth


def graph(lineage: Lineage) -> Markup:
    """Draw the nodes in rows by depth, with arrows; the table of artifacts says the same in words."""
    edges = node_edges(lineage)
    nodes = list(
        dict.fromkeys(
            [*(fact.producer for fact in lineage.artifacts if fact.producer), *(end for edge in edges for end in edge)]
        )
    )
    if not nodes:
        return absent("No artifacts.")
    at = positions(depths(edges, nodes))
    width, height = (max(corner[axis] for corner in at.values()) for axis in (0, 1))
    size = {"width": width + BOX_WIDTH + 10, "height": height + BOX_HEIGHT + 10}
    box = f"0 0 {size['width']} {size['height']}"
    arrows = [tag("path", d=arrow(at[source], at[target])) for source, target in edges]
    label = f"Graph: {', '.join(f'{source} to {target}' for source, target in edges)}"
    drawn = tag(
        "svg",
        arrows,
        [node_box(node, at[node]) for node in nodes],
        class_="g",
        viewBox=box,
        **size,
        role="img",
        aria_label=label,
    )
    return tag("div", drawn, class_="scroll", tabindex="0", role="region", aria_label="Graph of this run")


def positions(depth: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of each node."""
    seen: dict[int, int] = {}
    corners = {}
    for node, level in depth.items():
        column = seen.get(level, 0)
        seen[level] = column + 1
        corners[node] = (10 + column * (BOX_WIDTH + GAP_X), 5 + level * (BOX_HEIGHT + GAP_Y))
    return corners


def arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the path of an arrow from the bottom of one box to the top of another."""
    x0, y0, x1, y1 = start[0] + BOX_WIDTH // 2, start[1] + BOX_HEIGHT, end[0] + BOX_WIDTH // 2, end[1]
    middle = (y0 + y1) // 2
    return f"M{x0} {y0}C{x0} {middle} {x1} {middle} {x1} {y1}m-4 -7l4 7l4 -7"


def node_box(node: str, corner: tuple[int, int]) -> Markup:
    x, y = corner
    return tag(
        "g",
        tag("rect", x=x, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=4),
        tag("text", node, x=x + BOX_WIDTH // 2, y=y + 20),
    )
