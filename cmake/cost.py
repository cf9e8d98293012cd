#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What it costs to include the library: the time a compiler takes for each of cmake/cost/*.cpp and for each public
header, as a multiple of the time for probe.cpp, which holds only the standard headers that any pool needs. So the
figures mean the same on a slow machine and on a fast one.

    cost.py [--compiler g++] [--include FOLDER]... [--headers] [--check]

Each program is compiled as users do (-O2 -c), in turns, and the least user time of all turns counts. A program says in a
comment its budget and its goal, for the header-only form and for the compiled one (YOKE_COMPILED); --check fails if a
budget is exceeded. A budget leaves room for the noise of a busy machine, and is lowered when the figure comes down.
Peers are measured where their headers are found. README's first program is taken from README.md.
"""
import argparse
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
private = re.compile(r"(detail|executor/[a-z]+|algorithm/[a-z]+|adapter)/")


class program:
    def __init__(self, name, file, flags=(), budget=None, goal=""):
        self.name, self.file, self.flags, self.budget, self.goal = name, file, list(flags), budget, goal
        self.seconds = float("inf")


def compile_time(compiler, flags, file):
    """User seconds; None if it does not compile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([*compiler, "-std=c++20", "-O2", *flags, "-c", file, "-o", "/dev/null"], capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before if done.returncode == 0 else None


def readme_program():
    return re.search(r"\n```cpp\n(.*?)\n```\n", (root / "README.md").read_text(), re.S)[1] + "\n"


def programs(work, compiled):
    found = []
    for file in sorted((root / "cmake" / "cost").glob("*.cpp")):
        text = file.read_text()
        name = text.splitlines()[0].removeprefix("// ")
        budget = re.search(r"^// budget: ([\d.]+) compiled ([\d.]+), goal: ([\d.]+) compiled ([\d.]+)$", text, re.M)
        if file.stem == "readme":
            file = work / "readme.cpp"
            file.write_text(readme_program())
        if file.stem == "probe":
            found.insert(0, program(name, file))
        elif not budget:
            found.append(program(name, file))
        else:
            found.append(program(name, file, budget=float(budget[1]), goal=budget[3]))
            if compiled:
                found.append(program(name + ", compiled form", file, ["-DYOKE_COMPILED"],
                                     float(budget[2]), budget[4]))
    return found


def headers(work):
    found = []
    for header in sorted((root / "include" / "yoke").rglob("*.hpp")):
        place = header.relative_to(root / "include" / "yoke").as_posix()
        if not private.match(place) and place != "yoke.hpp":
            file = work / (place.replace("/", "_") + ".cpp")
            file.write_text(f"#include <yoke/{place}>\n")
            found.append(program(f"`{place}` alone", file))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++", help="with its flags, as one word")
    parser.add_argument("--include", action="append", default=[], help="where peers' headers are")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--headers", action="store_true", help="each public header by itself, too")
    parser.add_argument("--check", action="store_true", help="fail if a budget is exceeded")
    told = parser.parse_args()
    compiler = told.compiler.split()
    flags = [f"-I{root / 'include'}", *(f"-I{folder}" for folder in told.include)]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        compiled = "YOKE_COMPILED" in (root / "include/yoke/detail/base/config.hpp").read_text()
        all_of_them = programs(work, compiled)
        if told.check:
            all_of_them = [each for each in all_of_them if each.budget or each is all_of_them[0]]
        if told.headers:
            all_of_them += headers(work)
        for _ in range(told.turns):
            for each in list(all_of_them):
                seconds = compile_time(compiler, flags + each.flags, each.file)
                if seconds is not None:
                    each.seconds = min(each.seconds, seconds)
                elif each.file.stem.startswith("peer_"):
                    all_of_them.remove(each)  # it is not installed
                else:
                    sys.exit(f"{each.name}: does not compile with {told.compiler}")
        probe = all_of_them[0].seconds
        exceeded = []
        print(f"| program | user s, {told.compiler} -O2 | times the probe | budget | goal |\n|---|---|---|---|---|")
        for each in all_of_them:
            ratio = each.seconds / probe
            print(f"| {each.name} | {each.seconds:.2f} | {ratio:.2f} | {each.budget or ''} | {each.goal} |")
            if each.budget and ratio > each.budget:
                exceeded.append(f"{each.name}: {ratio:.2f} times the probe, budget {each.budget}")
        if told.check and exceeded:
            sys.exit("over budget:\n" + "\n".join(exceeded))


main()
