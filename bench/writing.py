# SPDX-License-Identifier: MIT
"""Writes the report: report.json, report.md, a plot for each question."""
import ast
import json
import re

import plot
from rows import grouped, larger_is_better, number_text

INTRODUCTION = """\
A figure is the median of the rounds; each round runs every contender's program once, so that what is
compared lies close together in time. The spread is the distance between the quartiles of the rounds,
divided by the median. "Best peer's cost / ours" is 1 or more where we are ahead. Contenders named
`limit_...` and `machine` show what the machine can do, and `serial` is the same work in a plain loop; they are
no peers. Below the tables is who has no figure, and why.
"""


def description(folder):
    """What a question's header says about it: its first block of '///', as paragraphs."""
    for name in ("question.hpp", "machine.cpp"):
        if (folder / name).exists():
            block = re.search(r"(^///.*\n)+", (folder / name).read_text(encoding="utf-8"), re.M)
            return re.sub(r"^/// ?", "", block.group(0), flags=re.M) if block else ""
    if (folder / "question.py").exists():  # all contenders are in Python
        return ast.get_docstring(ast.parse((folder / "question.py").read_text(encoding="utf-8"))) + "\n"
    return ""


def behind(folder, rows):
    """Where a peer is ahead of ours, and why that is, as the folder's `behind.md` says."""
    names = dict.fromkeys(row.question for row in rows if (row.ratio_to_best_peer or 1) < 1)
    if not names:
        return ""
    why = folder / "behind.md"
    reason = why.read_text(encoding="utf-8") if why.exists() else "Nobody has found out why.\n"
    return f"A peer is ahead of yoke in {', '.join(f'`{name}`' for name in names)}. {reason}"


def short_of_limit(folder, rows):
    """Where this machine allows more than ours makes of it, and why that is, as the folder's `limit.md` says."""
    why = folder / "limit.md"
    names = dict.fromkeys(row.question for row in rows if row.ours and (row.ratio_to_limit or 0) > 1)
    if not names or not why.exists():
        return ""
    return f"The machine allows more in {', '.join(f'`{name}`' for name in names)}. {why.read_text(encoding='utf-8')}"


def better(unit):
    return "more is better" if larger_is_better(unit) else "less is better"


def tables(question, rows):
    """{title: rows} of what belongs into one table, and into one panel of the plot."""
    groups = grouped(rows)
    if all(len(group) == 1 for group in groups.values()) and len({row.unit for row in rows}) == 1:
        return {question: rows}  # figures of the machine alone
    return groups


def label(row, title):
    """How a row is called in the table or panel called `title`."""
    return row.contender if row.question == title else row.question.removeprefix(f"{title}/")


def markdown_table(title, rows):
    columns = [f"`{title}`", f"{rows[0].unit} ({better(rows[0].unit)})", "spread"]
    compared = any(row.ratio_to_best_peer is not None for row in rows)
    if compared:
        columns.append("best peer's cost / ours")
    limit = next((row for row in rows if row.limit), None)
    limited = any(row.ratio_to_limit is not None for row in rows)
    if limited:
        columns.append(f"cost / {limit.contender}'s")
    lines = [columns, ["---"] + ["--:"] * (len(columns) - 1)]
    for row in rows:
        name = label(row, title)
        cells = [f"**{name}**" if row.ours else name, number_text(row.value), f"{row.spread:.0%}"]
        if compared:
            cells.append(number_text(row.ratio_to_best_peer) if row.ratio_to_best_peer else "")
        if limited:
            cells.append(number_text(row.ratio_to_limit) if row.ratio_to_limit is not None else "")
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def plot_name(question):
    return question.replace("/", "_") + ".svg"


def drawing(question, rows):
    panels = []
    for title, group in tables(question, rows).items():
        bars = []
        for row in group:
            kind = "ours" if row.ours else "limit" if row.limit else "peer"
            bars.append(plot.Bar(label(row, title), row.value, *row.quartiles, number_text(row.value), kind))
        panels.append(plot.Panel(title, f"{group[0].unit}, {better(group[0].unit)}", bars))
    return plot.svg(panels)


def write(output, source, facts, answers, skipped, failed, unable):
    """Writes the report into `output`.

    source   the folder of the questions
    facts    {name: value} of the machine and the run
    answers  {question: compared rows}
    skipped  {question: {contender: why}} of those that are not built
    failed   {contender: why}
    unable   {question: {(row, contender): why}} of what contenders cannot do by their nature
    """
    output.mkdir(parents=True, exist_ok=True)
    all_rows = [row.as_json() for rows in answers.values() for row in rows]
    (output / "report.json").write_text(json.dumps(all_rows, indent=1) + "\n", encoding="utf-8")

    text = ["# Benchmarks\n"]
    text.append("| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in facts.items()))
    text.append(INTRODUCTION)
    for contender, why in failed.items():
        text.append(f"**Failed**: `{contender}`: {why}\n")
    for question, rows in answers.items():
        text += [f"## {question}\n", description(source / question)]
        if rows:
            (output / plot_name(question)).write_text(drawing(question, rows), encoding="utf-8")
            text += [markdown_table(title, group) for title, group in tables(question, rows).items()]
            text.append(f"![{question}]({plot_name(question)})\n")
            text += [behind(source / question, rows), short_of_limit(source / question, rows)]
        text += [f"`{name}`: `{contender}` {why}.\n" for (name, contender), why in unable[question].items()]
        text += [f"Skipped: `{contender}`, because {why}.\n"
                 for contender, why in skipped.get(question, {}).items()]
    (output / "report.md").write_text("\n".join(text), encoding="utf-8")
