"""``log``: what is in the file when it returns, odd values, threads, forks and kills."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import unittest

from support import Store, read_points


class Values(Store):
    def test_values_steps_and_names_arrive_bit_by_bit(self) -> None:
        self.python(
            "import deskside, math\n"
            "deskside.log({'a': 0.1})\n"
            "deskside.log({'a': 1, 'b': True})\n"
            "deskside.log({'a': math.nan, 'b': math.inf, 'c' * 250: -0.0}, step=-7)\n"
            "deskside.log({'\\u00fc' * 250: 5e-324})\n"
            "deskside.log({})\n"
            "deskside.log({'a': 2**60}, step=10.0)\n"
        )
        points = [(name, step, value) for name, _, step, value in read_points(self.only_run())]
        self.assertEqual(points[0:3], [("a", 0, 0.1), ("a", 1, 1.0), ("b", 1, 1.0)])
        self.assertTrue(math.isnan(points[3][2]))
        self.assertEqual(points[4], ("b", -7, math.inf))
        self.assertEqual(math.copysign(1, points[5][2]), -1)
        self.assertEqual(points[6], ("ü" * 250, -6, 5e-324))
        self.assertEqual(points[7], ("a", 10, float(2**60)))

    def test_what_float_takes_is_a_value(self) -> None:
        self.python(
            "import deskside\n"
            "class Tensor:\n"
            "    def __float__(self): return 0.25\n"
            "deskside.log({'a': Tensor()}); deskside.log({'a': Tensor()})\n"
        )
        self.assertEqual([point[3] for point in read_points(self.only_run())], [0.25, 0.25])

    def test_errors_name_the_key_and_write_nothing(self) -> None:
        cases = [
            ("{'good': 1, 'bad': 'text'}", "TypeError", "bad"),
            ("{'good': 1, 'bad': None}", "TypeError", "bad"),
            ("{'good': 1, 'bad': [1, 2]}", "TypeError", "bad"),
            ("{'good': 1, 'bad': 10**400}", "ValueError", "bad"),
            ("{'good': 1, 3: 1}", "TypeError", "int"),
            ("{'good': 1, '': 1}", "ValueError", "250"),
            ("{'good': 1, 'x' * 251: 1}", "ValueError", "250"),
            ("{'good': 1, 'a\\nb': 1}", "ValueError", "control"),
            ("{'good': 1, '\\ud800': 1}", "ValueError", "UTF-8"),
            ("{'good': 1}, 'x'", "TypeError", "step"),
            ("{'good': 1}, 1.5", "TypeError", "step"),
            ("{'good': 1}, 2**63", "ValueError", "step"),
            ("'loss'", "TypeError", "dict"),
        ]
        for arguments, kind, words in cases:
            with self.subTest(arguments):
                result = self.python(
                    "import deskside\n"
                    "deskside.log({'ok': 1})\n"
                    f"try: deskside.log({arguments})\n"
                    "except Exception as error: print(type(error).__name__, error)\n"
                    "deskside.log({'ok': 2})\n"
                )
                self.assertTrue(result.stdout.startswith(kind) and words in result.stdout, result.stdout)
                self.assertEqual([point[0] for point in read_points(self.runs()[-1])], ["ok", "ok"])
                subprocess.run(["rm", "-r", self.runs()[-1]], check=True)

    def test_more_names_than_fit_are_an_error_that_says_so(self) -> None:
        result = self.python(
            "import deskside\n"
            "for number in range(65_535): deskside.log({str(number): 1})\n"
            "try: deskside.log({'one more': 1})\n"
            "except ValueError as error: print(error)\n"
            "deskside.log({'0': 2})\n"
        )
        self.assertIn("65,535 different names", result.stdout)
        points = read_points(self.only_run())
        self.assertEqual(len(points), 65_536)
        self.assertEqual((points[65_534][0], points[-1][0]), ("65534", "0"))

    def test_a_clock_that_jumps_begins_a_new_segment(self) -> None:
        self.python(
            "import deskside, deskside._log as log\n"
            "deskside.log({'a': 1})\n"
            "import time\n"
            "real = time.time_ns\n"
            "for shift in (-3600, 60 * 86400):\n"
            "    log.time = lambda: real() / 1e9 + shift\n"
            "    log.time_ns = lambda: real() + shift * 10**9\n"
            "    deskside.log({'a': 2}); deskside.log({'a': 3})\n"
        )
        segments = os.listdir(os.path.join(self.only_run(), "metrics"))
        self.assertEqual(len(segments), 3)
        self.assertEqual(sorted(point[2] for point in read_points(self.only_run())), [0, 1, 2, 3, 4])


class Processes(Store):
    def test_nothing_is_lost_by_kill_9_straight_after(self) -> None:
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import deskside, os\n"
                "for number in range(100_000): deskside.log({'loss': number / 7}, step=number)\n"
                "os.kill(os.getpid(), 9)\n",
            ],
            env=self.environment(),
        )
        self.assertEqual(child.wait(timeout=120), -signal.SIGKILL)
        points = read_points(self.only_run())
        self.assertEqual([(step, value) for _, _, step, value in points], [(n, n / 7) for n in range(100_000)])
        self.assertIn('state = "running"', self.text("state"))

    def test_killed_in_the_middle_leaves_whole_calls_only(self) -> None:
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import deskside\n"
                "deskside.log({'a': 0, 'b': 0}); print(flush=True)\n"
                "while True: deskside.log({'a': 1, 'b': 2})\n",
            ],
            env=self.environment(),
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
        child.wait()
        child.stdout.close()
        self.assertEqual(len(read_points(self.only_run())) % 2, 0)

    def test_threads_do_not_mix_their_records(self) -> None:
        self.python(
            "import deskside, sys, threading\n"
            "sys.setswitchinterval(1e-5)\n"
            "def work(thread):\n"
            "    for step in range(3000):\n"
            "        deskside.log({f't{thread}/k{step % 50}': step, 'shared': thread}, step=step)\n"
            "threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
            "[t.start() for t in threads]; [t.join() for t in threads]\n"
        )
        points = read_points(self.only_run())
        self.assertEqual(len(points), 8 * 3000 * 2)
        for thread in range(8):
            own = [(step, value) for name, _, step, value in points if name.startswith(f"t{thread}/")]
            self.assertEqual(own, [(n, float(n)) for n in range(3000)])

    def test_a_fork_writes_a_segment_of_its_own(self) -> None:
        self.python(
            "import deskside, os\n"
            "deskside.log({'a': 1})\n"
            "pid = os.fork()\n"
            "deskside.log({'a': 2 if pid else 3, 'child' if not pid else 'parent': 1})\n"
            "if not pid: raise SystemExit(5)\n"
            "os.waitpid(pid, 0)\n"
            "deskside.log({'a': 4})\n"
        )
        points = read_points(self.only_run())
        self.assertEqual(len(os.listdir(os.path.join(self.only_run(), "metrics"))), 2)
        self.assertEqual(sorted(point[3] for point in points if point[0] == "a"), [1, 2, 3, 4])
        self.assertIn("exit_code = 0", self.text("state"))

    def test_many_processes_log_to_one_run(self) -> None:
        self.python(
            "import deskside, multiprocessing\n"
            "def work(rank):\n"
            "    for step in range(500): deskside.log({'loss': rank}, step=step)\n"
            "    deskside.summary[f'rank{rank}'] = rank\n"
            "deskside.init(name='parallel')\n"
            "context = multiprocessing.get_context('fork')\n"
            "children = [context.Process(target=work, args=(rank,)) for rank in range(6)]\n"
            "[child.start() for child in children]; [child.join() for child in children]\n"
        )
        points = read_points(self.only_run())
        for rank in range(6):
            self.assertEqual([p[2] for p in points if p[3] == rank], list(range(500)))
        import json

        self.assertEqual(json.loads(self.text("summary.json")), {f"rank{rank}": rank for rank in range(6)})

    def test_a_child_process_joins_the_run(self) -> None:
        self.python(
            "import deskside, subprocess, sys\n"
            "deskside.init()\n"
            "subprocess.run([sys.executable, '-c', 'import deskside; deskside.log({\"eval\": 1})'], check=True)\n"
        )
        self.assertEqual([p[0] for p in read_points(self.only_run())], ["eval"])


if __name__ == "__main__":
    unittest.main()
