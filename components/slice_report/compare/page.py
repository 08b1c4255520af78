"""The page of a comparison: one HTML file that works without a network."""

from markupsafe import Markup

from components.slice_report.compare.facts import Comparison, Line
from components.slice_report.compare.table import data, line_table, settings_table, slices_on_page
from components.slice_report.page.formats import counted, title
from components.slice_report.page.frame import page
from components.slice_report.page.html import Child, details, join, name, pairs, row, table, tag
from components.slice_report.page.sections.section import absent
from pipeline.criteria import SliceKey

SCRIPTS = ("marks.js", "frame.js", "columns.js", "compare.js")
STYLES = ("page.css", "compare.css")
TITLES = {"metrics": "Metrics", "settings": "Settings", "runs": "Runs"}
BELOW = (("change", "Δ to the reference"), ("interval", "95 % interval"), ("range", "range over seeds"))
SHOWN = (("", "all"), ("better", "clearly better"), ("worse", "clearly worse"))
EXPLANATION = (
    "One line for each setting; runs that differ in their seeds alone are one line, with the mean of their values. "
    "Δ is the line minus the reference, with its 95 % interval on the same test rows; where both have several "
    "seeds, it covers seeds, too. ▲ and ▼: the difference is clear, at a false discovery rate of 5 % of each "
    "metric over all lines, on slices over all lines and slices. Better or worse is said of calibration only where it "
    "is also clear on which side of 1 the two lie. Ticks mark zero. Select a line for its runs and slices."
)
# Lines that are columns of the table of settings.
WIDEST = 6


def render(comparison: Comparison) -> str:
    """Return the page of a comparison."""
    runs = sum(len(line.runs) for line in comparison.lines)
    return page(f"{comparison.workload}: {runs} runs compared", body(comparison, runs), SCRIPTS, STYLES)


def body(comparison: Comparison, runs: int) -> Markup:
    """Draw header, navigation, sections, and the numbers for the script."""
    slices = slices_on_page(comparison)
    header = tag(
        "header",
        tag("h1", "Comparison: ", name(comparison.workload)),
        pairs(
            [
                ("Label", name(comparison.label)),
                ("Runs", f"{runs:,}"),
                ("Settings", f"{len(comparison.lines):,}"),
                ("Reference", name(comparison.lines[comparison.reference].name)),
            ]
        ),
        tag("button", "Dark or light", type="button", id="theme", hidden=True),
    )
    links = [tag("li", tag("a", words, href=f"#{key}")) for key, words in TITLES.items()]
    sections = [metrics_section(comparison, slices), settings_section(comparison), runs_section(comparison)]
    return join(
        [
            tag("a", "Skip to the metrics", href="#metrics", class_="skip"),
            header,
            tag("nav", tag("ul", links), aria_label="Sections"),
            tag("main", sections),
            tag("dialog", id="line", aria_labelledby="line-title"),
            data(comparison, slices),
        ]
    )


def section(key: str, *children: Child) -> Markup:
    """Return a landmark with its heading."""
    return tag("section", tag("h2", TITLES[key], id=f"{key}-title"), children, id=key, aria_labelledby=f"{key}-title")


def metrics_section(comparison: Comparison, slices: list[SliceKey]) -> Markup:
    """Draw the table of lines with its controls."""
    return section(
        "metrics",
        [tag("p", note, class_="note") for note in notes(comparison, slices)],
        tag("p", EXPLANATION, class_="muted"),
        controls(comparison, slices),
        line_table(comparison),
        tag("p", "", id="lines-shown", role="status", class_="muted"),
        tag("noscript", tag("p", "Slices need JavaScript, which is turned off; --json prints them.", class_="note")),
    )


def notes(comparison: Comparison, slices: list[SliceKey]) -> list[str]:
    """Return what a reader must know before the numbers."""
    found = list(comparison.notes)
    lines = comparison.lines
    unpaired = [run for line in lines for run in line.runs if run.unpaired_because]
    if unpaired:
        found.append(
            f"{counted(len(unpaired), 'run')} not on the test rows of the reference: see Runs for the reasons. Their "
            "differences are marked unpaired, and take the rows of both as independent samples."
        )
    every = len({item.features for line in lines for item in line.slices})
    if len(slices) < every:
        found.append(f"The page holds the {len(slices)} slices with the most rows, of {every}; --json prints all.")
    if len(lines[comparison.reference].runs) == 1 and any(len(line.runs) > 1 for line in lines):
        found.append(
            "The reference has one run. The intervals of differences are therefore about other rows only, not about "
            "other seeds; give two or more seeds of the reference to cover both."
        )
    return found


def controls(comparison: Comparison, slices: list[SliceKey]) -> Markup:
    """Draw the filters; they stay hidden without the script."""
    names = {item.features: item.name for line in comparison.lines for item in line.slices}
    options = {
        "slice": [(str(at), names[key]) for at, key in enumerate(slices)],
        "below": BELOW,
        "show": SHOWN,
        "by": [(str(at), title(metric)) for at, metric in enumerate(comparison.metrics)],
    }
    labels = {"slice": "Rows ", "below": "Below each value ", "show": "Show ", "by": "by "}
    choices = [
        tag("label", words, tag("select", [tag("option", text, value=value) for value, text in options[key]], id=key))
        for key, words in labels.items()
    ]
    return tag(
        "form",
        tag("label", "Find ", tag("input", type="search", id="find", autocomplete="off")),
        choices,
        class_="controls", id="controls", aria_label="Filter the lines", hidden=True,
    )  # fmt: skip


def settings_section(comparison: Comparison) -> Markup:
    """Draw the settings that differ, or say that none does."""
    if not comparison.settings:
        return section("settings", absent("No setting differs but seeds."))
    return section("settings", settings_table(comparison, WIDEST))


def runs_section(comparison: Comparison) -> Markup:
    """Draw every run with its line, and those that were left out."""
    rows = [run_row for line in comparison.lines for run_row in run_rows(line)]
    drawn = table("Runs that are compared", ("Run", "Setting", "Seeds", "Verdict", "Test rows", "Report"), rows)
    left_out = [row(name(item.given), tag("td", name(item.why), class_="text")) for item in comparison.left_out]
    gone = [tag("h3", "Left out"), table("Runs that are not compared", ("Run", "Why"), left_out)] if left_out else None
    return section("runs", gone, details(f"All {len(rows):,} runs", drawn, open_=len(rows) <= 2 * WIDEST))


def run_rows(line: Line) -> list[Markup]:
    """Draw the runs of a line."""
    verdicts = {True: "✓ blessed", False: "✗ not blessed", None: "none"}
    return [
        row(
            name(run.run),
            name(line.name),
            name(", ".join(f"{key}={value}" for key, value in run.seeds) or "none"),
            verdicts[run.blessed],
            name(run.unpaired_because or "those of the reference"),
            name(run.report),
        )
        for run in line.runs
    ]
