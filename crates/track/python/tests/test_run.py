"""``init``, ``finish``, ``config``, ``summary`` and the run folder they write."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import unittest

from support import PACKAGE, Store, read_points


class Lives(Store):
    def state_after(self, code: str, check: bool = False) -> str:
        self.python("import deskside, os, sys\ndeskside.init()\n" + code, check=check)
        state = self.text("state")
        subprocess.run(["rm", "-r", self.only_run()], check=True)
        return state

    def test_every_end_is_told(self) -> None:
        cases = [
            ("", "finished", "exit_code = 0"),
            ("sys.exit(3)", "finished", "exit_code = 3"),
            ("sys.exit('words')", "finished", "exit_code = 1"),
            ("exit(5)", "finished", "exit_code = 5"),
            ("quit()", "finished", "exit_code = 0"),
            ("raise SystemExit", "finished", "exit_code = 0"),
            ("1 / 0", "finished", "exit_code = 1"),
            ("raise KeyboardInterrupt", "stopped", "signal = 2"),
            ("try: sys.exit(4)\nexcept SystemExit: pass\ndeskside.log({'a': 1})", "finished", "exit_code = 0"),
            ("deskside.finish(7)", "finished", "exit_code = 7"),
            ("with deskside.init(): raise ValueError", "finished", "exit_code = 1"),
            ("os._exit(0)", "running", "boot_id"),
            ("os.kill(os.getpid(), 9)", "running", "start_time"),
        ]
        for code, state, line in cases:
            with self.subTest(code):
                text = self.state_after(code)
                self.assertIn(f'state = "{state}"', text)
                self.assertIn(line, text)

    def test_an_exit_that_was_imported_before_is_told(self) -> None:
        self.python("from sys import exit as leave\nimport deskside\ndeskside.init()\nleave(7)", check=False)
        self.assertIn("exit_code = 7", self.text("state"))
        self.python("from sys import exit as leave\nimport deskside, sys\ndeskside.init()\ndeskside.finish()\nassert leave is sys.exit\n")

    @unittest.skipUnless(hasattr(sys, "monitoring"), "Python before 3.12 tells nobody")
    def test_a_bare_system_exit_is_told(self) -> None:
        cases = [
            ("def main(): return 3\nraise SystemExit(main())", "exit_code = 3"),
            ("raise SystemExit('words')", "exit_code = 1"),
            ("try: raise SystemExit(4)\nexcept SystemExit: pass", "exit_code = 0"),
            ("try: sys.exit(4)\nexcept SystemExit: pass", "exit_code = 0"),
            ("import threading\nt = threading.Thread(target=sys.exit, args=(4,)); t.start(); t.join()", "exit_code = 0"),
            ("for _ in range(9): deskside.finish(5); deskside.init()\nraise SystemExit(5)", "exit_code = 5"),
        ]
        for code, line in cases:
            with self.subTest(code):
                self.python("import deskside, sys\ndeskside.init()\n" + code, check=False)
                for folder in self.runs():
                    with open(os.path.join(folder, "state"), encoding="utf-8") as file:
                        self.assertIn(line, file.read())
                subprocess.run(["rm", "-r", *self.runs()], check=True)

    def test_init_twice_is_the_same_run_and_after_finish_another(self) -> None:
        result = self.python(
            "import deskside\n"
            "first = deskside.init(params={'a': 1})\n"
            "assert deskside.init(name='again', params={'b': 2}, tags={'t': 1}) is first\n"
            "print(dict(deskside.config))\n"
            "deskside.finish(); deskside.finish()\n"
            "try: deskside.log({'a': 1})\n"
            "except RuntimeError as error: print(error)\n"
            "second = deskside.init()\n"
            "assert second.id != first.id and not deskside.config\n"
            "deskside.log({'a': 1})\n"
        )
        self.assertIn("{'a': 1, 'b': 2}", result.stdout)
        self.assertIn("call deskside.init()", result.stdout)
        self.assertEqual(len(self.runs()), 2)
        details = []
        for path in glob.glob(os.path.join(self.home, "data", "runs", "*", "details.json")):
            with open(path, encoding="utf-8") as file:
                details.append(json.load(file))
        self.assertEqual(details, [{"name": "again", "tags": {"t": "1"}}])

    def test_under_the_program_its_run_is_adopted(self) -> None:
        folder = os.path.join(self.home, "made")
        os.mkdir(folder)
        with open(os.path.join(folder, "run.toml"), "w", encoding="utf-8") as file:
            file.write("version = 1\n")
        variables = self.environment(DESKSIDE_RUN=folder, DESKSIDE_EXPERIMENT="said")
        self.python("import deskside; deskside.init(name='n', experiment='e'); deskside.log({'a': 1}); deskside.finish(9)", variables)
        self.assertEqual(self.runs(), [])
        self.assertEqual(sorted(os.listdir(folder)), ["details.json", "metrics", "run.toml"])
        with open(os.path.join(folder, "details.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"name": "n"})
        self.assertEqual(len(read_points(folder)), 1)

    def test_a_run_that_is_gone_is_a_clear_error(self) -> None:
        result = self.python("import deskside; deskside.init()", self.environment(DESKSIDE_RUN="/nowhere"), check=False)
        self.assertIn("StoreError", result.stderr)
        self.assertIn("unset DESKSIDE_RUN", result.stderr)


class Records(Store):
    def test_assignments_are_in_the_file_at_once(self) -> None:
        self.python(
            "import deskside, os, math\n"
            "deskside.config.lr = 3e-4\n"
            "deskside.config.update(model={'width': 64}, seeds=(1, 2), name='x')\n"
            "deskside.config['gone'] = 1; del deskside.config['gone']\n"
            "assert deskside.config.lr == deskside.config['lr'] == 3e-4\n"
            "deskside.summary['best'] = math.nan\n"
            "deskside.summary['worst'] = -math.inf\n"
            "os.kill(os.getpid(), 9)\n",
            check=False,
        )
        self.assertEqual(
            json.loads(self.text("params.json")), {"lr": 3e-4, "model": {"width": 64}, "seeds": [1, 2], "name": "x"}
        )
        self.assertEqual(json.loads(self.text("summary.json")), {"best": "NaN", "worst": "-Infinity"})

    def test_threads_lose_nothing(self) -> None:
        self.python(
            "import deskside, threading\n"
            "def work(worker):\n"
            "    for number in range(5):\n"
            "        deskside.summary[f's{worker}_{number}'] = worker\n"
            "        deskside.config[f'c{worker}_{number}'] = worker\n"
            "threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]\n"
            "[thread.start() for thread in threads]\n"
            "[thread.join() for thread in threads]\n"
        )
        for name in ("summary.json", "params.json"):
            self.assertEqual(len(json.loads(self.text(name))), 40, name)

    def test_what_threads_assign_while_a_run_begins_stays(self) -> None:
        self.python(
            "import deskside, threading, time\n"
            "from deskside import _record\n"
            "read = _record._read\n"
            "def slowly(path):\n"
            "    time.sleep(0.05)\n"
            "    return read(path)\n"
            "_record._read = slowly\n"
            "def work(worker):\n"
            "    time.sleep(0.02 * worker)\n"
            "    deskside.summary[f's{worker}'] = worker\n"
            "threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]\n"
            "[thread.start() for thread in threads]\n"
            "[thread.join() for thread in threads]\n"
            "assert len(deskside.summary) == 8, dict(deskside.summary)\n"
        )
        self.assertEqual(len(json.loads(self.text("summary.json"))), 8)

    def test_reading_makes_no_run(self) -> None:
        self.python("import deskside; assert deskside.config.get('lr') is None and not hasattr(deskside.config, 'x')")
        self.assertEqual(self.runs(), [])

    def test_what_json_cannot_hold_is_named(self) -> None:
        result = self.python("import deskside; deskside.config.model = object()", check=False)
        self.assertIn("could not keep 'model'", result.stderr)
        self.assertEqual(self.runs(), [])

    def test_namespaces_and_scalars_are_taken(self) -> None:
        self.python(
            "import deskside, argparse, pathlib\n"
            "class Scalar:\n"
            "    def item(self): return 7\n"
            "deskside.init(params={'args': argparse.Namespace(lr=1), 'path': pathlib.Path('/x'), 'n': Scalar()})\n"
        )
        self.assertEqual(json.loads(self.text("params.json")), {"args": {"lr": 1}, "path": "/x", "n": 7})


class Folders(Store):
    def test_run_toml_says_what_and_hides_secrets(self) -> None:
        script = os.path.join(self.home, 'tr"ain.py')
        with open(script, "w", encoding="utf-8") as file:
            file.write("import deskside\ndeskside.init(experiment='exp', tags={'a b': 1})\n")
        subprocess.run(
            [sys.executable, script, "--api-key", "abc", "--token=def", "--lr", "1", "hf_" + "a" * 30],
            env=self.environment(),
            check=True,
        )
        text = self.text("run.toml")
        for part in ('name = "tr\\"ain"', 'experiment = "exp"', '"a b" = "1"', "version = 1", '"--api-key", "***", "--token=***", "--lr", "1", "***"'):
            self.assertIn(part, text)

    def test_the_directories_are_the_programs(self) -> None:
        code = "from deskside._store import runs_folder; print(runs_folder())"
        base = {name: value for name, value in os.environ.items() if not name.startswith(("DESKSIDE", "XDG")) and name != "HOME"}
        base["PYTHONPATH"] = PACKAGE
        cases = [
            ({"DESKSIDE_HOME": "/d"}, "/d/data/runs"),
            ({"HOME": "/h"}, "/h/.local/share/deskside/runs"),
            ({"HOME": "/h", "XDG_DATA_HOME": "/x"}, "/x/deskside/runs"),
            ({"HOME": "/h", "XDG_DATA_HOME": "relative"}, "/h/.local/share/deskside/runs"),
        ]
        for variables, folder in cases:
            with self.subTest(variables):
                self.assertEqual(self.python(code, {**base, **variables}).stdout.strip(), folder)
        result = self.python("import deskside; deskside.log({'a': 1})", base, check=False)
        self.assertIn("set DESKSIDE_HOME=/some/folder", result.stderr)

    def test_a_store_that_cannot_be_written_is_a_clear_error(self) -> None:
        blocked = os.path.join(self.home, "file")
        open(blocked, "w").close()
        result = self.python("import deskside; deskside.init()", self.environment() | {"DESKSIDE_HOME": blocked}, check=False)
        self.assertIn("StoreError", result.stderr)
        self.assertIn(f"could not make a run in {blocked}/data/runs: Not a directory; set DESKSIDE_HOME", result.stderr)

    def test_python_m_says_version_and_place(self) -> None:
        result = subprocess.run([sys.executable, "-m", "deskside"], env=self.environment(), capture_output=True, text=True, check=True)
        self.assertIn(f"{self.home}/data/runs", result.stdout)
        self.assertRegex(result.stdout, r"^deskside \d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
