#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the library one promise at a time and names the breaks that no test notices.

    run.py --check             whether each mutant of the list still fits the headers (seconds)
    run.py [WORD...]           builds and runs the tests of each mutant (whose file or promise contains a WORD)

The list is mutants.txt beside this file. A mutant is

    ## <the promise that is broken>
    file: <header below include/yoke>
    tests: <folder>.<name> ...     (programs of the tests that should notice)
    cases: <test case, with Catch2's wildcards>   (optional: only these)
    build: plain | thread          (optional: with the thread sanitizer)
    runs: <n>                      (optional: how often the tests run until one fails; default 1)
    argued: <why no test can notice it>           (optional: counted apart)
    - <line that goes>
    + <line that comes instead>

Lines are compared without the space around them, and must stand exactly once in the header, in this order.
The headers are changed in a copy of the tree below the build folder, never in the tree itself.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

root = pathlib.Path(__file__).resolve().parents[2]


class mutant:
    def __init__(self, promise, number):
        self.promise = promise
        self.number = number
        self.fields = {"build": "plain", "runs": "1", "cases": "", "argued": ""}
        self.old = []
        self.new = []

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    def place(self, text):
        """Index of the first line of the old text in the lines of the header, or a sentence on what is wrong."""
        lines = [line.strip() for line in text.splitlines()]
        found = [i for i in range(len(lines) - len(self.old) + 1) if lines[i : i + len(self.old)] == self.old]
        if len(found) == 1:
            return found[0]
        return f"its lines stand {len(found)} times in include/yoke/{self.file}, not once: {self.old[0]}"

    def applied(self, text):
        lines = text.splitlines()
        first = self.place(text)
        return "\n".join(lines[:first] + self.new + lines[first + len(self.old) :]) + "\n"


def read_list():
    mutants = []
    for number, line in enumerate((pathlib.Path(__file__).parent / "mutants.txt").read_text().splitlines(), 1):
        line = line.strip()
        if line.startswith("## "):
            mutants.append(mutant(line[3:], number))
        elif not mutants or not line or line.startswith("# "):
            continue  # what stands before the first one is for the reader
        elif line[0] in "-+":
            (mutants[-1].old if line[0] == "-" else mutants[-1].new).append(line[1:].strip())
        else:
            name, _, value = line.partition(":")
            if name not in ("file", "tests", "cases", "build", "runs", "argued"):
                sys.exit(f"mutants.txt:{number}: no such field: {name}")
            mutants[-1].fields[name] = value.strip()
    return mutants


def faults(one):
    if not one.old or "file" not in one.fields or "tests" not in one.fields:
        return "it has no file, no tests or no lines"
    header = root / "include" / "yoke" / one.file
    if not header.exists():
        return f"there is no include/yoke/{one.file}"
    for test in one.tests.split():
        path = test.replace(".", "/") + ".cpp"
        if not (root / "tests" / path).exists():
            return f"there is no tests/{path}"
    place = one.place(header.read_text())
    return place if isinstance(place, str) else ""


def check(mutants):
    wrong = [f"mutants.txt:{one.number}: {one.promise}: {text}" for one in mutants if (text := faults(one))]
    print("\n".join(wrong) if wrong else f"{len(mutants)} mutants fit the headers")
    return 1 if wrong else 0


builds = {
    "plain": ["-DCMAKE_CXX_COMPILER=clang++", "-DCMAKE_CXX_FLAGS=-O0 -D_GLIBCXX_ASSERTIONS"],
    "thread": ["-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_CXX_FLAGS=-O1", "-DYOKE_SANITIZE=thread"],
}


class copy_of_tree:
    """A copy of the tree with a build folder a kind of build."""

    def __init__(self, folder, jobs):
        self.folder = folder
        self.jobs = jobs
        self.sound = {}  # (build, test, cases) that pass on the unchanged headers: the seconds that takes
        self.configured = set()
        self.last_output = ""
        for part in ("include", "tests", "cmake", "CMakeLists.txt", "README.md", "LICENSE"):
            source, target = root / part, folder / part
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def configure(self, build):
        if build in self.configured:
            return
        command = ["cmake", "-S", self.folder, "-B", self.folder / build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"]
        command += ["-DYOKE_BUILD_BENCH=OFF", "-DYOKE_BUILD_EXAMPLES=OFF", "-DYOKE_TEST_TREE=OFF"]
        subprocess.run(command + builds[build], check=True, stdout=subprocess.DEVNULL)
        self.configured.add(build)

    def outcome(self, one, test, limit):
        """Empty if the test passes, else how it failed; what takes longer than `limit` seconds hangs."""
        self.configure(one.build)
        target = f"test.{test}"
        made = subprocess.run(["ninja", "-C", self.folder / one.build, "-j", str(self.jobs), target],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            return "it does not compile"
        program = [self.folder / one.build / "tests" / target]
        if one.cases:
            program.append(one.cases)
        if one.build == "thread" and shutil.which("setarch"):
            program = ["setarch", "-R"] + program
        environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1")
        for _ in range(int(one.runs)):
            try:
                ran = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     env=environment, timeout=limit, cwd=self.folder / one.build)
            except subprocess.TimeoutExpired:
                return "it hangs"
            if b"No tests ran" in ran.stdout:
                sys.exit(f"{test}: no test case is called {one.cases}")
            if ran.returncode != 0:
                self.last_output = ran.stdout.decode(errors="replace")
                return "a test fails"
        return ""

    def try_out(self, one):
        """How the mutant was noticed, or an empty text."""
        for test in one.tests.split():
            key = (one.build, test, one.cases)
            if key not in self.sound:
                if how := self.outcome(one, test, 120):
                    sys.exit(f"{self.last_output}\n{test} without any mutant, build {one.build}: {how}")
                begin = time.monotonic()
                self.outcome(one, test, 120)
                self.sound[key] = time.monotonic() - begin
        header = self.folder / "include" / "yoke" / one.file
        text = header.read_text()
        header.write_text(one.applied(text))
        try:
            for test in one.tests.split():
                usual = self.sound[one.build, test, one.cases] / int(one.runs)
                if how := self.outcome(one, test, 10 + 5 * usual):
                    return f"{how} ({test})"
            return ""
        finally:
            header.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=pathlib.Path, default=root / "build" / "mutants")
    told = parser.parse_args()
    mutants = read_list()
    if told.check:
        return check(mutants)
    chosen = [m for m in mutants if not told.words or any(w in m.file or w in m.promise for w in told.words)]
    if not chosen:
        sys.exit("no mutant's file or promise contains: " + " ".join(told.words))
    if check(chosen) != 0:
        return 1
    tree = copy_of_tree(told.folder, told.jobs)
    survivors, argued = [], []
    for count, one in enumerate(chosen, 1):
        begin = time.monotonic()
        how = tree.try_out(one)
        if not how:
            (argued if one.argued else survivors).append(one)
        says = how or ("not noticed, argued" if one.argued else "NOT NOTICED")
        print(f"{count}/{len(chosen)} {one.file}: {one.promise}: {says}, {time.monotonic() - begin:.0f} s", flush=True)
    noticed = len(chosen) - len(survivors) - len(argued)
    print(f"\n{noticed} of {len(chosen)} noticed, {len(argued)} argued, {len(survivors)} survived")
    for one in argued:
        print(f"argued: {one.file}: {one.promise}: {one.argued}")
    for one in survivors:
        print(f"survived: mutants.txt:{one.number}: {one.file}: {one.promise}")
    return 0 if 100 * (noticed + len(argued)) >= 95 * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
