#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the library one promise at a time and names the breaks that no test notices.

    run.py --check             whether each mutant of the list still fits the headers (seconds)
    run.py [WORD...]           builds and runs the tests of each mutant (whose file or promise contains a WORD)

What was found is kept in outcomes.jsonl in --folder. A run that was interrupted goes on from there: a mutant is tried
again only if it, its header or one of its tests has changed. Delete the file to try all of them.

Most mutants are woven into the headers, all at once, so that one build of a test serves them all: YOKE_MUTANT in the
environment says which of them is alive. The few whose form does not allow that are written in and built one by one. A test
that fails without any mutant says nothing about one, so each test runs once without.

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

Lines are compared without the space around them, and must stand exactly once, in this order, in the header or in the
.ipp beside it, which has the bodies of its functions.
The headers are changed in a copy of the tree below the build folder, never in the tree itself.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
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

    def place(self, include):
        """The file and the index of its line where the old text begins, or a sentence on what is wrong."""
        header = include / self.file
        found = []
        for path in sorted({header, header.with_suffix(".ipp")}):
            if path.exists():
                lines = [line.strip() for line in path.read_text().splitlines()]
                found += [(path, i) for i in range(len(lines) - len(self.old) + 1)
                          if lines[i : i + len(self.old)] == self.old]
        if len(found) == 1:
            return found[0]
        return f"its lines stand {len(found)} times in include/yoke/{self.file} and its .ipp, not once: {self.old[0]}"

    def applied(self, text, first):
        lines = text.splitlines()
        return "\n".join(lines[:first] + self.new + lines[first + len(self.old) :]) + "\n"

    def key(self):
        """Changes when the mutant, its header or one of its tests does."""
        told = [self.file, self.tests, self.cases, self.build, self.runs, self.old, self.new]
        texts = [source_of(test).read_text() for test in self.tests.split()]
        header = root / "include" / "yoke" / self.file
        texts += [path.read_text() for path in (header, header.with_suffix(".ipp")) if path.exists()]
        return hashlib.sha256(json.dumps([told, texts]).encode()).hexdigest()


def source_of(test):
    return root / "tests" / (test.replace(".", "/") + ".cpp")


class unsound(Exception):
    """A test fails without any mutant, so it says nothing about one."""


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
        if not source_of(test).exists():
            return f"there is no {source_of(test).relative_to(root)}"
    place = one.place(root / "include" / "yoke")
    return place if isinstance(place, str) else ""


def check(mutants):
    wrong = [f"mutants.txt:{one.number}: {one.promise}: {text}" for one in mutants if (text := faults(one))]
    print("\n".join(wrong) if wrong else f"{len(mutants)} mutants fit the headers")
    return 1 if wrong else 0


builds = {
    "plain": ["-DCMAKE_CXX_COMPILER=clang++", "-DCMAKE_CXX_FLAGS=-O0 -D_GLIBCXX_ASSERTIONS"],
    "thread": ["-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_CXX_FLAGS=-O1", "-DYOKE_SANITIZE=thread"],
}


def copy_changed(source, target):
    """Makes `target` what `source` is. A file that differs gets the present time, so that what an interrupted run built
    of a mutant is built again; the others keep theirs, so that nothing else is."""
    if not source.is_dir():
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        return
    target.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in source.iterdir() if entry.name != "__pycache__"}
    for entry in target.iterdir():
        if entry.name not in there:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for name in there:
        copy_changed(source / name, target / name)


# What a woven header includes. Constants are computed without mutants.
switch = """#pragma once
#include <cstdlib>
inline const int yoke_mutant_number = [] {
    const char* const text = std::getenv("YOKE_MUTANT");
    return text == nullptr ? 0 : std::atoi(text);
}();
constexpr bool yoke_mutant(int number) { return !__builtin_is_constant_evaluated() && yoke_mutant_number == number; }
"""


def balanced(text):
    depth = 0
    for letter in re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'', "", text):
        depth += (letter in "({[") - (letter in ")}]")
        if depth < 0:
            return False
    return depth == 0


def either(old, ones):
    """The lines `old` and those of `ones`, all of which replace them, with a choice at run time; None if their form does not
    allow that: they must be whole statements, or a head with a condition, or a function in one line."""
    texts = ["\n".join(re.sub(r"\s*//.*", "", line).strip() for line in lines) for lines in [old] + [o.new for o in ones]]
    tests = [f"yoke_mutant({one.number})" for one in ones]

    def choice(bodies):
        return " else ".join([f"if ({t}) {{\n{b}\n}}" for t, b in zip(tests, bodies[1:])] + [f"{{\n{bodies[0]}\n}}"])

    heads = [re.fullmatch(r"((?:\} else )?(?:if|while)) \((.*)\)( \{| \[\[unlikely\]\]|)", t.replace("for (;;)", "while (true)"), re.S)
             for t in texts]
    if all(heads) and len({(h[1], h[3]) for h in heads}) == 1:
        conditions = [h[2] for h in heads]
        if all(balanced(c) and ";" not in c for c in conditions):
            text = "".join(f"{t} ? bool({c}) : " for t, c in zip(tests, conditions[1:]))
            return f"{heads[0][1]} ({text}bool({conditions[0]})){heads[0][3]}"
    functions = [re.fullmatch(r"([^{};]*\)[^{};()]*) \{ (.*;) \}", t, re.S) for t in texts]
    if all(functions) and len({f[1] for f in functions}) == 1 and not re.match(r"(if|while|for) ", texts[0]):
        return f"{functions[0][1]} {{ {choice([f[2] for f in functions])} }}"
    if all(t.strip() == "" or balanced(t) and t.rstrip()[-1] in ";}" for t in texts):
        if not any(re.match(r"(static|constexpr|template|struct|class|else|case|friend|inline|using)\b|\[\[|~", t)
                   for t in texts):
            return choice(texts)
    return None


def weave(mutants, include, folder):
    """Makes `folder` what `include` is, with all mutants that can be chosen at run time, as many as compile. Returns those:
    one build of a test serves them all."""
    places = {}
    for one in mutants:
        path, first = one.place(include / "yoke")
        places.setdefault(path, {}).setdefault((first, len(one.old)), []).append(one)
    refused = set()
    while True:
        woven = set()
        regions = []  # header, its first line and the one behind its last in the woven text, mutants
        for path in include.rglob("*.?pp"):
            lines = path.read_text().splitlines()
            out = []
            at = 0
            for (first, count), ones in sorted(places.get(path, {}).items(), key=lambda item: item[0]):
                ones = [one for one in ones if one not in refused]
                text = either(lines[first : first + count], ones) if ones and first >= at else None
                if text is None:
                    continue
                out += lines[at:first]
                regions.append((path.relative_to(include), len(out), ones))
                out += text.splitlines()
                regions[-1] += (len(out),)
                at = first + count
                woven.update(ones)
            out += lines[at:]
            text = "\n".join(out) + "\n"
            if at != 0:
                text = text.replace("#pragma once\n", "#pragma once\n#include <yoke_mutant.hpp>\n", 1)
            target = folder / path.relative_to(include)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        (folder / "yoke_mutant.hpp").write_text(switch)
        told = subprocess.run(["clang++", "-std=c++20", "-fsyntax-only", "-ferror-limit=0", "-I", folder, "-x", "c++",
                               "-include", "yoke/yoke.hpp", "-"], input="", stderr=subprocess.PIPE, text=True).stderr
        wrong = set()
        for name, line in re.findall(r"/(yoke/[\w/.]+):(\d+):\d+: (?:fatal )?error", told):
            for path, begin, ones, end in regions:
                if str(path) == name and begin <= int(line) - 2 <= end:  # one for the #include, one from 1 to 0
                    wrong.update(ones)
        if not wrong:
            if " error:" in told:
                sys.exit("the woven headers do not compile, and no mutant is to blame:\n" + told)
            return woven
        refused |= wrong


class copy_of_tree:
    """A copy of the tree with a build folder a kind of build, whose headers have all mutants that can be chosen at run time."""

    def __init__(self, folder, jobs, mutants):
        self.folder = folder
        self.jobs = jobs
        self.sound = {}  # (build, test, cases, runs): the seconds a run takes on the unchanged headers, or how it fails
        self.configured = set()
        self.last_output = ""
        for part in ("tests", "cmake", "src", "CMakeLists.txt", "README.md", "LICENSE"):
            if (root / part).exists():
                copy_changed(root / part, folder / part)
        self.woven = weave(mutants, root / "include", folder / "woven")
        copy_changed(folder / "woven", folder / "include")

    def configure(self, build):
        if build in self.configured:
            return
        command = ["cmake", "-S", self.folder, "-B", self.folder / build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE="]
        if shutil.which("ld.lld"):
            command += ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld"]
        command += ["-DYOKE_BUILD_BENCH=OFF", "-DYOKE_BUILD_EXAMPLES=OFF", "-DYOKE_TEST_TREE=OFF"]
        subprocess.run(command + builds[build], check=True, stdout=subprocess.DEVNULL)
        self.configured.add(build)

    def built(self, one, test):
        """Empty if the test compiles, else why not. What a static_assert refuses is noticed."""
        self.configure(one.build)
        made = subprocess.run(["ninja", "-C", self.folder / one.build, "-j", str(self.jobs), f"test.{test}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode == 0:
            return ""
        self.last_output = made.stdout
        refused = "static assertion failed" in made.stdout or "static_assert failed" in made.stdout
        return "a static_assert fails" if refused else "it does not compile"

    def one_run(self, program, environment, limit, folder):
        """The exit status, or None after `limit` seconds. The output goes to a file, not to a pipe: a process that the
        test left behind may hold that open for ever. The test has a session of its own, which is ended with it."""
        with tempfile.TemporaryFile() as output:
            begun = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                     env=environment, cwd=folder, start_new_session=True)
            try:
                status = begun.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                try:
                    os.killpg(begun.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # nobody is left
                begun.wait()
            output.seek(0)
            self.last_output = output.read().decode(errors="replace")
            return status

    def outcome(self, one, test, limit, number=0):
        """Empty if the test passes, else how it failed; what takes longer than `limit` seconds hangs. `number`: of the woven
        mutant that is chosen."""
        if how := self.built(one, test):
            return how
        program = [self.folder / one.build / "tests" / f"test.{test}"]
        if "\n// own-main" not in source_of(test).read_text():
            program += ["--abort"] + ([one.cases] if one.cases else [])
        if one.build == "thread" and shutil.which("setarch"):
            program = ["setarch", "-R"] + program
        environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1", YOKE_MUTANT=str(number))
        for _ in range(int(one.runs)):
            status = self.one_run(program, environment, limit, self.folder / one.build)
            if status is None:
                return "it hangs"
            if "No tests ran" in self.last_output:
                raise unsound(f"{test}: no test case is called {one.cases}")
            if status != 0:
                return "a test fails"
        return ""

    def usual_seconds(self, one, test):
        """How long a run of the test takes without any mutant."""
        key = (one.build, test, one.cases, one.runs)
        if key not in self.sound:
            if how := self.built(one, test):
                raise unsound(f"{test} without any mutant, build {one.build}: {how}\n{self.last_output}")
            begin = time.monotonic()
            how = self.outcome(one, test, 120)
            self.sound[key] = how or (time.monotonic() - begin) / int(one.runs)
        if isinstance(self.sound[key], str):
            raise unsound(f"{test} without any mutant, build {one.build}: {self.sound[key]}")
        return self.sound[key]

    def try_out(self, one):
        """How the mutant was noticed, or an empty text."""
        for test in one.tests.split():
            seconds = self.usual_seconds(one, test)
            if one in self.woven:
                how = self.outcome(one, test, 10 + 5 * seconds, one.number)
            else:
                how = self.written_in(one, test, 10 + 5 * seconds)
            if how:
                return f"{how} ({test})"
        return ""

    def written_in(self, one, test, limit):
        place = one.place(self.folder / "include" / "yoke")
        if isinstance(place, str):
            raise unsound(f"in the copy, {place}")
        path, first = place
        text = path.read_text()
        path.write_text(one.applied(text, first))
        try:
            return self.outcome(one, test, limit)
        finally:
            path.write_text(text)


def read_outcomes(path):
    """What earlier runs found, by the mutants' keys. The last line may be half written."""
    known = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
            known[entry["key"]] = entry["how"]
        except (ValueError, KeyError):
            continue
    return known


def in_order(mutants, woven):
    """The programs that serve most mutants first; those that make a build each, as they are written in, at the end."""
    first = [one.tests.split()[0] for one in mutants]
    return sorted(mutants, key=lambda one: (one.build, one not in woven, -first.count(one.tests.split()[0]), one.tests))


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
    tree = copy_of_tree(told.folder, told.jobs, mutants)
    outcomes = told.folder / "outcomes.jsonl"
    known = read_outcomes(outcomes)
    chosen = in_order(chosen, tree.woven)
    noticed, survivors, argued, not_run = [], [], [], []
    for count, one in enumerate(chosen, 1):
        begin = time.monotonic()
        key = one.key()
        try:
            how = known[key] if key in known else tree.try_out(one)
        except unsound as why:
            how = f"not run: {why}"
            not_run.append(one)
        else:
            if how.startswith("it does not compile"):
                not_run.append(one)  # no test has seen it
            else:
                (noticed if how else argued if one.argued else survivors).append(one)
                if key not in known:
                    with outcomes.open("a") as kept:
                        kept.write(json.dumps({"key": key, "promise": one.promise, "how": how}) + "\n")
        says = how or ("not noticed, argued" if one.argued else "NOT NOTICED")
        says += ", known" if key in known else f", {time.monotonic() - begin:.0f} s"
        print(f"{count}/{len(chosen)} {one.file}: {one.promise}: {says}", flush=True)
    print(f"\n{len(noticed)} of {len(chosen)} noticed, {len(argued)} argued, {len(survivors)} survived, "
          f"{len(not_run)} not run")
    for one in argued:
        print(f"argued: {one.file}: {one.promise}: {one.argued}")
    for word, ones in (("survived", survivors), ("not run", not_run)):
        for one in ones:
            print(f"{word}: mutants.txt:{one.number}: {one.file}: {one.promise}")
    return 0 if 100 * (len(noticed) + len(argued)) >= 95 * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
