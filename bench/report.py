#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks and compares: report.md, report.json, and a plot for each question.

    report.py --programs BUILD/bench --output DIR [--rounds N] [--quick] [WORD...]

Only the questions that start with one of the words are asked, or all. Every question is asked in several
rounds; each runs the program of every contender once, in an order that changes, because the speed of a
machine drifts: what is compared must lie close together in time.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import writing  # noqa: E402
from rows import Row, compare, number_text  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent
LAYERS = ("thread", "process", "queue", "pipeline", "fetch", "mpi", "limits")  # the order of the report
TIME_LIMIT = 120  # seconds for one run of one program


# --- measuring ---------------------------------------------------------------------------------------------


def run_program(program, quick):
    """What one run of a program yields: [(question, unit, figure)], {question: why the program is unable}.

    Raises RuntimeError with the reason if the program failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        out = pathlib.Path(folder, "out.json")
        command = [sys.executable] if program.endswith(".py") else []
        command += [program, f"--benchmark_out={out}", "--benchmark_out_format=json"]
        command += ["--quick"] if quick else []
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            _, errors = process.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"did not end within {TIME_LIMIT} s") from None
        finally:
            end(process)
        if process.returncode != 0:
            last = errors.strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(f"ended with {process.returncode}: {last[0]}")
        return figures_in(json.loads(out.read_text(encoding="utf-8"))["benchmarks"])


def end(process):
    """Ends a program that is still running, and what it started."""
    # Asked first: Python's pools have a process that outlives this signal and removes their semaphores.
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=2)


def figures_in(benchmarks):
    figures, unable = [], {}
    for entry in benchmarks:
        # Google Benchmark puts how it was run behind the name.
        name = re.sub(r"/(min_time|iterations|manual_time)\b.*", "", entry["name"])
        if entry.get("error_occurred"):
            message = entry["error_message"]
            if not message.startswith("unable: "):
                raise RuntimeError(f"{name}: {message}")
            unable[name] = message.removeprefix("unable: ")
            continue
        figures.append((name, entry["label"], entry["value"]))
        if "p99" in entry:
            figures.append((f"{name}/p99", entry["label"], entry["p99"]))
    return figures, unable


def ask(contenders, rounds, quick, say):
    """Asks one question.

    Returns its rows; {contender: why} of those that failed, which have none; and {(row, contender): why} of
    what contenders cannot do by their nature.
    """
    rows, failed, unable = {}, {}, {}
    hopeless = set()  # contenders unable to do any of it
    for number in range(rounds):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for entry in order:
            contender = entry["contender"]
            if contender in failed or contender in hopeless:
                continue
            say(f"round {number + 1} of {rounds}: {contender}")
            try:
                figures, reasons = run_program(entry["program"], quick)
                unable.update({(question, contender): why for question, why in reasons.items()})
                if not figures:
                    hopeless.add(contender)
                for question, unit, figure in figures:
                    row = rows.setdefault((question, contender), Row(question, contender, unit, []))
                    row.samples.append(figure)
            except (RuntimeError, OSError, ValueError, KeyError) as error:
                failed[contender] = str(error)
    return [row for row in rows.values() if row.contender not in failed], failed, unable


# --- what is asked where -----------------------------------------------------------------------------------


def chosen(name, words):
    """Whether the words ask for the question, or for a row of it."""
    return not words or any(name.startswith(word) or word.startswith(f"{name}/") for word in words)


def place_of(question):
    layer = question.split("/")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS), question


def first_match(path, pattern):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.M)
    except OSError:
        found = None
    return found.group(1) if found else None


def facts_of(manifest, rounds, quick):
    processor = first_match("/proc/cpuinfo", r"model name\s*: (.*)") or platform.machine()
    memory = int(first_match("/proc/meminfo", r"MemTotal:\s+(\d+)") or 0) / 2**20
    system = first_match("/etc/os-release", r'PRETTY_NAME="?([^"\n]*)') or platform.system()
    versions = {**manifest["versions"], "Python": platform.python_version()}
    facts = {
        "processor": f"{processor}, {len(os.sched_getaffinity(0))} usable",
        "memory": f"{memory:.1f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "compiler": f"{manifest['compiler']}, {manifest['flags']}",
        "peers": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "rounds": str(rounds),
    }
    if quick:
        facts["**not a measurement**"] = "a quick run"
    elif manifest["build_type"] != "Release":
        facts["**not a measurement**"] = f"a {manifest['build_type']} build"
    return facts


def progress(question):
    """A function that shows on a terminal what runs now."""
    if not sys.stdout.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{question + ': ' + text if text else ''}", end="", flush=True)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="where contenders.json is")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="where the report goes")
    parser.add_argument("--rounds", type=int, help="how often all contenders run (5; 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    parser.add_argument("words", nargs="*", metavar="WORD", help="ask the questions that start with it")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (2 if options.quick else 5)

    manifest = json.loads((options.programs / "contenders.json").read_text(encoding="utf-8"))
    questions = {}
    for entry in sorted(manifest["contenders"], key=lambda entry: place_of(entry["question"])):
        if chosen(entry["question"], options.words):
            questions.setdefault(entry["question"], []).append(entry)
    if not questions:
        known = sorted({entry["question"] for entry in manifest["contenders"]}, key=place_of)
        sys.exit(f"report.py: no question starts with {' or '.join(options.words)}; "
                 f"there are: {', '.join(known)}")
    skipped, missing = {}, {}
    for entry in manifest["skipped"]:
        if chosen(entry["question"], options.words):
            skipped.setdefault(entry["question"], {})[entry["contender"]] = f"there is no {entry['missing']}"
            missing.setdefault(entry["missing"], []).append(f"{entry['question']}/{entry['contender']}")
    for peer, contenders in missing.items():
        print(f"skipped, because there is no {peer}: {', '.join(contenders)}")

    facts = facts_of(manifest, rounds, options.quick)
    answers, failed, unable = {}, {}, {}
    for question, contenders in questions.items():
        say = progress(question)
        rows, reasons, unable[question] = ask(contenders, rounds, options.quick, say)
        say("")
        answers[question] = compare([row for row in rows if chosen(row.question, options.words)])
        for row in answers[question]:
            ratio = row.ratio_to_best_peer
            ahead = f"   best peer's cost / ours: {number_text(ratio)}" if ratio else ""
            limit = f"   cost / limit's: {number_text(row.ratio_to_limit)}" if row.ratio_to_limit else ""
            print(f"{row.question:30} {row.contender:24} {number_text(row.value):>10} {row.unit}{ahead}{limit}",
                  flush=True)
        for (name, contender), why in unable[question].items():
            print(f"{name:30} {contender:24}          - {why}")
        for contender, why in reasons.items():
            failed[f"{question}/{contender}"] = why
            print(f"failed: {question}/{contender}: {why}", file=sys.stderr)
    writing.write(options.output, SOURCE, facts, answers, skipped, failed, unable)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
