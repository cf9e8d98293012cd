# SPDX-License-Identifier: MIT
"""Tests of the report: test_report.py BUILD/bench."""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock
import xml.dom.minidom

sys.dont_write_bytecode = True
import report  # noqa: E402
import rows  # noqa: E402
import writing  # noqa: E402

PROGRAMS = None


def row(contender, samples, unit="ns per task", question="thread/submit"):
    return rows.Row(question, contender, unit, samples)


class Comparison(unittest.TestCase):
    def test_a_ratio_is_the_best_peers_cost_divided_by_ours(self):
        compared = rows.compare([row("tbb", [300, 200, 250]), row("asio", [500]), row("yoke_threads", [50])])
        self.assertEqual([r.contender for r in compared], ["yoke_threads", "tbb", "asio"])
        self.assertEqual([r.ratio_to_best_peer for r in compared], [5, None, None])

    def test_a_rate_is_better_when_it_is_larger(self):
        compared = rows.compare([row("yoke_queue", [20], "M items/s"), row("tbb", [5], "M items/s"),
                               row("std_queue", [10], "M items/s")])
        self.assertEqual([r.contender for r in compared], ["yoke_queue", "std_queue", "tbb"])
        self.assertAlmostEqual(compared[0].ratio_to_best_peer, 2)

    def test_a_limit_is_no_peer(self):
        compared = rows.compare([row("limit_futex", [5]), row("yoke_processes", [10])])
        self.assertEqual([r.ratio_to_best_peer for r in compared], [None, None])

    def test_a_plain_loop_is_no_peer(self):
        compared = rows.compare([row("serial", [5]), row("yoke_threads", [10])])
        self.assertEqual([r.ratio_to_best_peer for r in compared], [None, None])
        compared = rows.compare([row("serial", [5]), row("yoke_threads", [10]), row("tbb", [20])])
        self.assertEqual([r.ratio_to_best_peer for r in compared], [None, 2, None])

    def test_every_row_but_the_limit_is_compared_with_the_limit(self):
        compared = rows.compare([row("limit_futex", [5]), row("yoke_threads", [10]), row("tbb", [20])])
        self.assertEqual([r.ratio_to_limit for r in compared], [None, 2, 4])

    def test_what_costs_nothing_has_no_ratio(self):
        compared = rows.compare([row("yoke_threads", [0]), row("tbb", [2])])
        self.assertEqual([r.ratio_to_best_peer for r in compared], [None, None])

    def test_the_spread_is_the_distance_of_the_quartiles(self):
        self.assertAlmostEqual(row("tbb", [1, 2, 3, 4, 5]).spread, 2 / 3)
        self.assertEqual(row("tbb", [7]).spread, 0)


class Reading(unittest.TestCase):
    def test_a_row_is_named_without_how_google_benchmark_ran_it(self):
        entry = {"name": "process/round_trip/iterations:100/manual_time", "label": "us", "value": 9.0,
                 "p99": 20.0}
        self.assertEqual(report.figures_in([entry]),
                         ([("process/round_trip", "us", 9.0), ("process/round_trip/p99", "us", 20.0)], {}))

    def test_a_contender_that_did_not_do_its_work_has_no_figure(self):
        entry = {"name": "thread/submit", "error_occurred": True, "error_message": "not all tasks have run"}
        with self.assertRaisesRegex(RuntimeError, "not all tasks have run"):
            report.figures_in([entry])

    def test_what_a_contender_cannot_do_is_no_failure_and_has_no_figure(self):
        entries = [{"name": "thread/nested/a", "error_occurred": True, "error_message": "unable: deadlocks"},
                   {"name": "thread/nested/b", "label": "ns", "value": 2.0}]
        self.assertEqual(report.figures_in(entries),
                         ([("thread/nested/b", "ns", 2.0)], {"thread/nested/a": "deadlocks"}))

    def test_a_word_chooses_questions_by_their_beginning_and_rows_of_them(self):
        self.assertTrue(report.chosen("thread/round_trip", ["thr"]))
        self.assertTrue(report.chosen("thread/round_trip", ["thread/round_trip/warm"]))
        self.assertFalse(report.chosen("thread/round_trip", ["queue/", "round_trip"]))


class Running(unittest.TestCase):
    def program(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name, "contender.py")
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_a_program_that_does_not_end_is_ended_and_named(self):
        hanging = self.program("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()")
        with unittest.mock.patch.object(report, "TIME_LIMIT", 0.5):
            with self.assertRaisesRegex(RuntimeError, "did not end within 0.5 s"):
                report.run_program(hanging, quick=True)

    def test_a_program_that_fails_is_quoted(self):
        failing = self.program("import sys; sys.exit('a result is wrong')")
        with self.assertRaisesRegex(RuntimeError, "ended with 1: a result is wrong"):
            report.run_program(failing, quick=True)

    def test_a_contender_that_fails_has_no_rows_and_does_not_keep_others_from_theirs(self):
        good = self.program("import json, sys; out = sys.argv[1].split('=')[1]\n"
                            "rows = [{'name': 'q/a', 'label': 'us', 'value': 3}]\n"
                            "open(out, 'w').write(json.dumps({'benchmarks': rows}))")
        contenders = [{"contender": "good", "program": good},
                      {"contender": "bad", "program": self.program("import sys; sys.exit('no')")}]
        found, failed, unable = report.ask(contenders, rounds=2, quick=True, say=lambda text: None)
        self.assertEqual([(r.question, r.contender, r.samples) for r in found], [("q/a", "good", [3, 3])])
        self.assertEqual(failed, {"bad": "ended with 1: no"})
        self.assertEqual(unable, {})

    def test_a_contender_that_is_unable_to_do_anything_is_asked_once(self):
        program = self.program("import json, sys; out = sys.argv[1].split('=')[1]\n"
                               "open(__file__ + '.runs', 'a').write('x')\n"
                               "row = {'name': 'q/a', 'error_occurred': True, 'error_message': 'unable: deadlocks'}\n"
                               "open(out, 'w').write(json.dumps({'benchmarks': [row]}))")
        found, failed, unable = report.ask([{"contender": "peer", "program": program}], rounds=3, quick=True,
                                           say=lambda text: None)
        self.assertEqual((found, failed, unable), ([], {}, {("q/a", "peer"): "deadlocks"}))
        self.assertEqual(pathlib.Path(program + ".runs").read_text(encoding="utf-8"), "x")


class Writing(unittest.TestCase):
    def test_the_report_says_below_a_question_who_has_no_figure_and_why(self):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder)
            writing.write(output, report.SOURCE, {}, {"thread/submit": [row("tbb", [2])]},
                          {"thread/submit": {"bs": "there is no BS"}}, {},
                          {"thread/submit": {("thread/submit", "dp"): "deadlocks"}})
            text = (output / "report.md").read_text(encoding="utf-8")
        self.assertIn("`thread/submit`: `dp` deadlocks.\n", text)
        self.assertIn("Skipped: `bs`, because there is no BS.\n", text)


    def test_the_report_says_where_a_peer_is_ahead_and_why(self):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder, "report")
            (output / "q").mkdir(parents=True)
            known = [row("tbb", [2], question="q/a"), row("yoke_threads", [3], question="q/a"),
                     row("tbb", [2], question="q/b"), row("yoke_threads", [1], question="q/b")]
            for why, says in ((None, "Nobody has found out why."), ("It sleeps.\n", "It sleeps.")):
                if why:
                    (output / "q" / "behind.md").write_text(why, encoding="utf-8")
                writing.write(output, output, {}, {"q": rows.compare(known)}, {}, {}, {"q": {}})
                text = (output / "report.md").read_text(encoding="utf-8")
                self.assertIn(f"A peer is ahead of yoke in `q/a`. {says}\n", text)
            ahead = rows.compare([each for each in known if each.question == "q/b"])
            writing.write(output, output, {}, {"q": ahead}, {}, {}, {"q": {}})
            self.assertNotIn("is ahead of yoke", (output / "report.md").read_text(encoding="utf-8"))


    def test_the_report_says_where_the_machine_allows_more_and_why(self):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder, "report")
            (output / "q").mkdir(parents=True)
            known = [row("limit_x", [2], question="q/a"), row("yoke_threads", [3], question="q/a"),
                     row("limit_x", [2], question="q/b"), row("yoke_threads", [1], question="q/b")]
            for why in (None, "It copies twice.\n"):
                if why:
                    (output / "q" / "limit.md").write_text(why, encoding="utf-8")
                writing.write(output, output, {}, {"q": rows.compare(known)}, {}, {}, {"q": {}})
                text = (output / "report.md").read_text(encoding="utf-8")
                if why:
                    self.assertIn("The machine allows more in `q/a`. It copies twice.\n", text)
                else:
                    self.assertNotIn("The machine allows more", text)


class WholeRun(unittest.TestCase):
    def run_report(self, *words):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with contextlib.redirect_stdout(io.StringIO()):
            code = report.main(["--programs", str(PROGRAMS), "--output", folder.name, "--quick", *words])
        return code, pathlib.Path(folder.name)

    def test_every_row_has_all_keys_and_every_question_a_plot(self):
        code, output = self.run_report("queue/bounded/1p1c", "process/round_trip", "limits/fetch_add")
        self.assertEqual(code, 0)
        entries = json.loads((output / "report.json").read_text(encoding="utf-8"))
        with_peer = {entry["question"] for entry in entries
                     if rows.Row(entry["question"], entry["contender"], entry["unit"], []).peer}
        for entry in entries:
            self.assertEqual(tuple(entry), rows.KEYS)
            self.assertGreater(entry["value"], 0)
            self.assertEqual(entry["ratio_to_best_peer"] is not None,
                             entry["contender"].startswith("yoke") and entry["question"] in with_peer)
        self.assertIn("process/round_trip", with_peer)
        questions = {entry["question"] for entry in entries}
        self.assertLessEqual({"queue/bounded/1p1c", "limits/fetch_add/alone"}, questions)
        self.assertNotIn("queue/bounded/2p2c", questions)
        text = (output / "report.md").read_text(encoding="utf-8")
        for question in ("queue/bounded", "process/round_trip", "limits/fetch_add"):
            self.assertIn(f"## {question}\n", text)
            xml.dom.minidom.parse(str(output / writing.plot_name(question)))

    def test_a_word_that_starts_no_question_is_an_error_that_names_them(self):
        with self.assertRaises(SystemExit) as ended:
            self.run_report("no_such_question")
        self.assertIn("queue/bounded", str(ended.exception.code))


if __name__ == "__main__":
    PROGRAMS = pathlib.Path(sys.argv.pop(1))
    unittest.main()
