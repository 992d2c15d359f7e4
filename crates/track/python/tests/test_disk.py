"""A disk that is full or read-only. Needs root for a small tmpfs; says so where it is not."""

from __future__ import annotations

import os
import subprocess
import unittest

from support import Store, read_points


class SmallDisk(Store):
    def setUp(self) -> None:
        super().setUp()
        self.mount = os.path.join(self.home, "small")
        os.mkdir(self.mount)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", self.mount], capture_output=True, text=True)
        if made.returncode != 0:
            reason = "a tmpfs cannot be mounted here: " + made.stderr.strip()
            print(f"SKIPPED: {self.id()}: {reason}", flush=True)
            self.skipTest(reason)
        self.addCleanup(subprocess.run, ["umount", self.mount], check=True)
        self.home = self.mount

    def test_training_goes_on_and_losses_are_counted(self) -> None:
        result = self.python(
            "import deskside, os\n"
            "deskside.init()\n"
            "for step in range(50_000): deskside.log({'a': step, 'b': step}, step=step)\n"
            "deskside.log({'new name': 1})\n"
            "deskside.summary['x'] = 1\n"
            f"filler = {os.path.join(self.mount, 'filler')!r}\n"
            "os.unlink(filler)\n"
            "for step in range(5): deskside.log({'after': step}, step=step)\n"
            "print('trained to the end')\n".replace("deskside.init()\n", "deskside.init()\nopen(%r, 'wb').write(bytes(100_000))\n" % os.path.join(self.mount, "filler"))
        )
        self.assertIn("trained to the end", result.stdout)
        self.assertEqual(result.stderr.count("metrics are not being written: No space left on device"), 1)
        points = read_points(self.only_run())
        kept = [point for point in points if point[0] in ("a", "b")]
        self.assertEqual([point[3] for point in points if point[0] == "after"], [0, 1, 2, 3, 4])
        lost = 100_001 - len(kept)
        self.assertIn(f"{lost} points of this run were not written", result.stderr)
        self.assertIn(f'"deskside/dropped_points": {lost}', self.text("summary.json"))
        self.assertIn('"x": 1', self.text("summary.json"))
        self.assertIn('state = "finished"', self.text("state"))

    def test_no_space_for_the_run_is_an_error_before_training(self) -> None:
        with open(os.path.join(self.mount, "filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        result = self.python("import deskside; deskside.init()", check=False)
        self.assertIn("StoreError", result.stderr)
        self.assertIn("free some space", result.stderr)
        self.assertEqual(self.runs(), [])

    def test_a_read_only_disk_is_an_error_before_training(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.mount], check=True)
        result = self.python("import deskside; deskside.log({'a': 1})", check=False)
        self.assertIn("Read-only file system; set DESKSIDE_HOME=/some/folder", result.stderr)


if __name__ == "__main__":
    unittest.main()
