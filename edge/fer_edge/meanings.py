"""What the fields of a class mean: written under them, once, and shown often."""

import ast
import inspect
import re
import sys


def meanings(kind: type) -> dict[str, str]:
    """Return the text under each field or member of a class, which Python forgets.

    Its paragraphs are kept. It is read from the source. Where that is not at hand, as
    with compiled files alone, nothing is known of any.
    """
    try:
        module = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    except OSError:
        return {}
    found: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            for declared, text in zip(node.body, node.body[1:], strict=False):
                match declared, text:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name))
                        | ast.Assign(targets=[ast.Name(id=name)]),
                        ast.Expr(value=ast.Constant(value=str(meaning))),
                    ):
                        found[name] = inspect.cleandoc(meaning)
    return found


def unmarked(text: str) -> str:
    """Return such a text for a schema: a paragraph a line, code in quotes."""
    return "\n\n".join(
        part if part.startswith(" ") else re.sub("::$", ":", " ".join(part.split()))
        for part in text.replace("``", "'").split("\n\n")
    )
