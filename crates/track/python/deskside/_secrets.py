"""What looks like a secret is never written down: told by its name, or by its looks.

The program has the same rule for the runs it makes; its words are in ``_secrets.json``, which both share.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

HIDDEN = "***"

# How sure a name makes that its value is a secret. LIKELY: yes, unless the value is a small number.
_NO, _LIKELY, _YES = 0, 1, 2

_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-+/@]*\Z")
_BARE = re.compile(r"[^\s\"'`;,&|)\]}]*", re.ASCII)
_SMALL_NUMBER = re.compile(r"(?=.*[0-9])[0-9+\-.eE]{1,8}\Z")
_BASIC = re.compile(r"(?=.+[0-9A-Z=])[A-Za-z0-9+/=\-_]{8,}\Z")
_TOKEN_LETTERS = re.compile(r"[A-Za-z0-9_\-]*")

_rule: Dict[str, Any] = {}


def rule() -> Dict[str, Any]:
    """The words of the rule, read when they are first needed."""
    if not _rule:
        import json
        import pkgutil

        content = json.loads(pkgutil.get_data("deskside", "_secrets.json") or b"{}")
        _rule.update((name, words if name == "tokens" else frozenset(words)) for name, words in content.items())
    return _rule


def shown_command(words: List[str]) -> List[str]:
    """Words of a command line as they may be written down."""
    shown = []
    before = ""
    for word in words:
        if before.startswith("-"):
            option = _sure(before) if _NAME.fullmatch(before) else _NO
            is_value = not word.startswith("--") and _is_hidden(option, word)
        else:
            is_value = _is_scheme_value(before, word)
        shown.append(HIDDEN if is_value else _shown_word(word, before))
        before = word
    return shown


def shown_value(text: str) -> str:
    """A text as it may be written down: secrets in it hidden, credentials in addresses left out."""
    if "://" in text and "@" in text:
        text = re.sub(r"://[^/?#\s]*@", "://***@", text)
    shown = []
    copied = 0
    word = _NAME.search(text)
    while word is not None:
        at = word.end()
        found = _secret(text, word.start(), word.end())
        if found is not None:
            shown += (text[copied : found[0]], HIDDEN)
            copied = at = found[1]
        word = _NAME.search(text, at)
    return "".join(shown) + text[copied:]


def shown_named(name: str, value: str) -> str:
    """A value of that name as it may be written down."""
    return HIDDEN if _is_hidden(_sure(name), value) else shown_value(value)


def shown_item(name: str, value: Any) -> Any:
    """As :func:`shown_named`, for whatever JSON can hold."""
    if isinstance(value, str):
        return shown_named(name, value)
    if value is None or isinstance(value, bool):
        return value
    sure = _sure(name)
    if isinstance(value, (int, float)):
        return HIDDEN if sure == _YES else value
    if sure != _NO and value:
        return HIDDEN
    if isinstance(value, dict):
        return {inner: shown_item(inner, item) for inner, item in value.items()}
    if all(isinstance(item, str) for item in value):
        return shown_command(value)
    return [shown_item("", item) for item in value]


def _shown_word(word: str, before: str) -> str:
    name, sign, value = word.partition("=")
    if sign and _PLAIN_NAME.match(name):
        # Behind `-c` stands shell text, where only the first word is the value.
        is_text = before.startswith("-") and not before.startswith("--") and before.endswith("c") and len(value.split()) > 1
        if not is_text and _is_hidden(_sure(name), value):
            return f"{name}={HIDDEN}"
    return shown_value(word)


def _secret(text: str, start: int, end: int) -> Optional[Tuple[int, int]]:
    """Where a secret stands that the word from ``start`` to ``end`` is, or names."""
    name = text[start:end]
    spaced = _blanks(text, end)
    if spaced > end and name.lower() in rule()["schemes"]:
        value = _bare(text, spaced)
        if _is_scheme_value(name, text[spaced:value]):
            return spaced, value
    return _named(text, name, end) or _token(text, start, end)


def _named(text: str, name: str, end: int) -> Optional[Tuple[int, int]]:
    """The value behind a secret's name: ``NAME=value``, ``"name": "value"``, ``--name value``."""
    closed = end + 1 if text[end : end + 1] in ("'", '"') else end
    spaced = _blanks(text, closed)
    following = text[spaced : spaced + 1]
    if following in ("=", ":") and text[spaced + 1 : spaced + 2] != "=":
        start = _blanks(text, spaced + 1)
    elif following and following != "-" and name.startswith("-") and spaced > end and closed == end:
        start = spaced
    else:
        return None
    sure = _sure(name)
    if sure == _NO:
        return None
    quote = text[start : start + 1]
    if quote in ("'", '"'):
        start += 1
        stop = text.find(quote, start)
        stop = len(text) if stop < 0 else stop
    else:
        scheme = _NAME.match(text, start)
        if scheme is not None and scheme.group().lower() in rule()["schemes"]:
            behind = _blanks(text, scheme.end())
            start = behind if behind > scheme.end() else start
        stop = _bare(text, start)
    return (start, stop) if _is_hidden(sure, text[start:stop]) else None


def _token(text: str, start: int, end: int) -> Optional[Tuple[int, int]]:
    """An access token by its looks, inside a word."""
    for at in range(start, end):
        before = text[at - 1] if at else " "
        if before.isascii() and (before.isalnum() or before == "_"):
            continue
        for beginning, least, looks in rule()["tokens"]:
            if text.startswith(beginning, at, end):
                rest = _TOKEN_LETTERS.match(text, at + len(beginning), end)
                if rest is not None and len(rest.group()) >= least and (looks == "any" or _is_mixed(rest.group())):
                    return at, rest.end()
        # A JSON web token: three parts in base64, the first a JSON object (RFC 7519).
        if text.startswith("eyJ", at, end) and text.count(".", at, end) == 2:
            return at, end
    return None


def _is_mixed(text: str) -> bool:
    """Whether letters look drawn by chance: sixteen without a break, or small ones, capitals and digits."""
    if re.search(r"[A-Za-z0-9]{16}", text):
        return True
    return all(re.search(kind, text) for kind in ("[0-9]", "[a-z]", "[A-Z]"))


def _is_scheme_value(scheme: str, value: str) -> bool:
    """Whether a word is what follows ``Bearer`` or ``Basic`` in a header; the latter is a word of English, too."""
    scheme = scheme.lower()
    if not value or value == HIDDEN or scheme not in rule()["schemes"]:
        return False
    return scheme != "basic" or _BASIC.match(value) is not None


def _is_hidden(sure: int, value: str) -> bool:
    """Whether a value has to be hidden whose name is so sure a secret's."""
    if sure == _NO or value.lower() in rule()["plain_values"]:
        return False
    return sure == _YES or _SMALL_NUMBER.match(value) is None


def _sure(name: str) -> int:
    """How sure a name is a secret's: ``--api-key``, ``HF_TOKEN``, ``db.password``, ``openaiKey``."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower())
    known = rule()
    if len(words) == 1 and words[0] in known["not_secret_names"]:
        return _NO
    if len(words) == 1 and words[0] in known["secret_names"]:
        return _YES
    if any(word in known["secret_words"] or word.endswith(tuple(known["secret_endings"])) for word in words):
        return _YES
    pairs = list(zip(words, words[1:]))
    if any(owner in known["owners"] and thing in known["things"] for owner, thing in pairs):
        return _YES
    if pairs and pairs[-1][1] in known["things"] and pairs[-1][0] not in known["harmless_before"]:
        return _LIKELY
    return _NO


def _blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _bare(text: str, at: int) -> int:
    """The end of a value without quotes."""
    found = _BARE.match(text, at)
    return found.end() if found is not None else at
