"""What looks like a secret is in no file of a run: the table shared with the program, and the module's own places."""

from __future__ import annotations

import json
import os
import sys
import unittest

from support import PACKAGE, Store

CASES = os.path.join(os.path.dirname(PACKAGE), "tests", "secrets-cases.json")
TOKEN = "hf_abcdefghijklmnopqrstuv"


class Rule(unittest.TestCase):
    def test_the_shared_table_holds(self) -> None:
        sys.path.insert(0, PACKAGE)
        from deskside._secrets import shown_command, shown_named

        with open(CASES, encoding="utf-8") as file:
            cases = json.load(file)
        for words, shown in cases["commands"]:
            self.assertEqual(shown_command(words), shown)
            self.assertEqual(shown_command(shown), shown)
        for name, value, shown in cases["named"]:
            self.assertEqual(shown_named(name, value), shown, name)


class Files(Store):
    def test_params_summary_and_tags_hold_none(self) -> None:
        script = os.path.join(self.home, "train.py")
        code = (
            "import deskside, argparse\n"
            f"args = argparse.Namespace(lr=1, openai_key='visible', words=['--token', 'visible', '{TOKEN}'], eos_token='</s>')\n"
            "run = deskside.init(name='n token=visible', params=vars(args), tags={'api_key': 'visible', 'a': 'b'})\n"
            "deskside.init(tags={'secret': 'visible'}, name='Bearer visible')\n"
            "deskside.config.api_key = 'visible'\n"
            "deskside.config.update(model={'auth': {'token': 'visible'}, 'width': 4}, password=1234, use_auth_token=True, token=None)\n"
            "deskside.config.credentials = {'user': 'visible'}\n"
            f"deskside.summary.note = 'pushed with {TOKEN}'\n"
            "deskside.summary['loss/token'] = 0.123456789012\n"
            "assert deskside.config.api_key == 'visible' and deskside.config['password'] == 1234\n"
        )
        with open(script, "w", encoding="utf-8") as file:
            file.write(code)
        self.python(f"import runpy; runpy.run_path({script!r}, run_name='__main__')")
        params = json.loads(self.text("params.json"))
        self.assertEqual(
            params,
            {
                "lr": 1,
                "openai_key": "***",
                "words": ["--token", "***", "***"],
                "eos_token": "</s>",
                "api_key": "***",
                "model": {"auth": "***", "width": 4},
                "password": "***",
                "use_auth_token": True,
                "token": None,
                "credentials": "***",
            },
        )
        self.assertEqual(json.loads(self.text("summary.json")), {"note": "pushed with ***", "loss/token": 0.123456789012})
        for name in os.listdir(self.only_run()):
            if not os.path.isdir(os.path.join(self.only_run(), name)):
                text = self.text(name)
                self.assertFalse("visible" in text or TOKEN in text, f"{name}: {text}")


if __name__ == "__main__":
    unittest.main()
