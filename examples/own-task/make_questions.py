"""Make questions.jsonl and recorded.jsonl: what can come next in Python? All names are those of this interpreter.

A question is the beginning of a line such as `    raise `, the choices are names of an exception, a module, a special
method, a type; only one of them makes sense there. The recorded answers are those of a rule that does not look at the
question: take the name that occurs most often in the standard library.
"""

import builtins
import json
import random
import re
import sys
import sysconfig
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS, CHOICES = 200, 4
CLASSES = {name: each for name, each in vars(builtins).items() if isinstance(each, type) and name[0] != "_"}
NAMES = {
    "exception": [name for name, each in CLASSES.items() if issubclass(each, Exception)],
    "type": [name for name, each in CLASSES.items() if not issubclass(each, BaseException)],
    "module": [name for name in sorted(sys.stdlib_module_names) if name[0] != "_"],
    "method": sorted(
        name for each in (dict, int, str) for name in vars(each) if callable(vars(each)[name]) and name[0] == "_"
    ),
}
# Beginning of a line, what makes sense there, what does not.
LINES = (
    ("    raise ", "exception", ("type", "module", "method")),
    ("    except ", "exception", ("type", "module", "method")),
    ("import ", "module", ("type", "exception", "method")),
    ("    def ", "method", ("type", "exception", "module")),
    ("    if isinstance(value, ", "type", ("module", "method")),
)


def occurrences() -> Counter[str]:
    """How often each word occurs in the library."""
    found = Counter[str]()
    for path in Path(sysconfig.get_path("stdlib")).glob("*.py"):
        found.update(re.findall(r"\w+", path.read_text(encoding="utf-8", errors="replace")))
    return found


def main() -> None:
    """Write both files."""
    chance, often = random.Random(0), occurrences()
    questions, recorded = [], []
    for number in range(QUESTIONS):
        line, kind, others = LINES[number % len(LINES)]
        right = chance.choice(NAMES[kind])
        choices = {right}
        while len(choices) < CHOICES:
            choices.add(chance.choice(NAMES[chance.choice(others)]))
        texts = chance.sample(sorted(choices), CHOICES)
        identity = f"line-{number:03}"
        questions.append({"id": identity, "question": line, "choices": texts, "answer": right})
        recorded.append({"id": identity, "answer": max(texts, key=lambda name: often[name])})
    for file, records in (("questions.jsonl", questions), ("recorded.jsonl", recorded)):
        (HERE / file).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    main()
