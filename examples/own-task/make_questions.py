"""Make questions.jsonl and recorded.jsonl from the standard library of this interpreter: which parameters has a method?

A question is the beginning of a definition such as `def __exit__(self, `, the choices are parameter lists of real
methods, one of which belongs to that name wherever it is defined. The recorded answers are those of a rule that does
not look at the question: take the parameter list that is commonest in the library.
"""

import ast
import json
import random
import sysconfig
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS, CHOICES = 200, 4
SKIPPED = {"test", "tests", "idlelib", "idle_test", "lib2to3", "site-packages", "dist-packages", "__pycache__"}


def parameters() -> dict[str, set[str]]:
    """The parameter lists after `self` under which each method name is defined."""
    root = Path(sysconfig.get_path("stdlib"))
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(root.rglob("*.py")):
        if SKIPPED & set(path.relative_to(root).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "self":
                found[node.name].add(ast.unparse(node.args).removeprefix("self").removeprefix(", "))
    return found


def main() -> None:
    """Write both files."""
    chance = random.Random(0)
    found = parameters()
    often = Counter(each for lists in found.values() for each in lists)
    everything = sorted(each for each in often.elements() if each)
    names = sorted(name for name, lists in found.items() if len(lists) == 1 and "" not in lists)
    questions, recorded = [], []
    for number, name in enumerate(chance.sample(names, QUESTIONS)):
        (right,) = found[name]
        choices = {right}
        while len(choices) < CHOICES:
            choices.add(chance.choice(everything))
        texts = [f"{each}):" for each in chance.sample(sorted(choices), CHOICES)]
        identity = f"method-{number:03}"
        question = {"id": identity, "question": f"    def {name}(self, ", "choices": texts, "answer": f"{right}):"}
        questions.append(question)
        recorded.append({"id": identity, "answer": max(texts, key=lambda each: often[each.removesuffix("):")])})
    for file, records in (("questions.jsonl", questions), ("recorded.jsonl", recorded)):
        (HERE / file).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    main()
