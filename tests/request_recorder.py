"""Where in the sources requests to AWS are made, and which requests a program makes from there."""

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import boto3.s3.inject
import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[1]
OURS = [ROOT / folder for folder in ("functions", "training", "cli")]
SERVICES = (
    "s3",
    "sagemaker",
    "sqs",
    "sns",
    "lambda",
    "sts",
    "cloudformation",
    "cloudwatch",
    "logs",
    "service-quotas",
)
TRANSFERS = ("upload_file", "upload_fileobj", "download_file")  # requests that boto3 makes in its own threads
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
MODELS = {name: botocore.session.get_session().get_service_model(name) for name in SERVICES}
OPERATIONS = {
    xform_name(name): name for model in MODELS.values() for name in model.operation_names if name != "Search"
}


class Site(NamedTuple):
    """Where a request is made: a file, the function in it, and the operation, or the transfer's method.

    Two calls of one operation in one function are one site.
    """

    file: str
    function: str
    operation: str


CallPath = tuple[str, ...]  # the functions that are being executed, the innermost first, and the operation


@dataclass
class Recording:
    """The requests that were made, and from where."""

    sites: set[Site] = field(default_factory=set)
    requests: list[tuple[str, str, dict[str, Any]]] = field(
        default_factory=list
    )  # service, operation, parameters

    def request(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Note a request before botocore looks at it, and which of our functions asked for it."""
        self.requests.append((model.service_model.service_name, model.name, dict(params)))
        self.visit(model.name)

    def visit(self, operation: str) -> None:
        """Note the call site on the stack; where there is none, the innermost of our functions."""
        ours = [Site(file, function, operation) for file, function in _ours_on_the_stack()]
        known = [site for site in ours if site in call_sites()]
        self.sites.update((known or ours)[:1])


def call_path(operation: str) -> CallPath:
    """The way through our functions to the request that is being made."""
    return *(f"{file}:{function}" for file, function in _ours_on_the_stack()), operation


def _ours_on_the_stack() -> Iterator[tuple[str, str]]:
    """The files and names of our functions that are being executed, the innermost first."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        file = _ours(frame.f_code.co_filename)
        if file and frame.f_code.co_name not in COMPREHENSIONS:  # they are part of the function around them
            yield file, frame.f_code.co_name
        frame = frame.f_back


@cache
def _ours(file: str) -> str | None:
    """The name of one of our sources below the project's root."""
    path = Path(file)
    return str(path.relative_to(ROOT)) if any(path.is_relative_to(folder) for folder in OURS) else None


class Calls(ast.NodeVisitor):
    """Collects the call sites of one file."""

    def __init__(self, file: str) -> None:
        self.file, self.function, self.sites = file, "<module>", set[Site]()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Go into a function."""
        outer, self.function = self.function, node.name
        self.generic_visit(node)
        self.function = outer

    def visit_Call(self, node: ast.Call) -> None:
        """Note a call of a client's method."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name == "get_paginator" and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value)
        own = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "super()"
        if not own and (name in TRANSFERS or name in OPERATIONS):
            self.sites.add(Site(self.file, self.function, OPERATIONS.get(name, name)))
        self.generic_visit(node)


@cache
def call_sites() -> frozenset[Site]:
    """Every place in the sources that makes a request."""
    found: set[Site] = set()
    for file in (file for folder in OURS for file in folder.rglob("*.py")):
        calls = Calls(str(file.relative_to(ROOT)))
        calls.visit(ast.parse(file.read_text()))
        found |= calls.sites
    return frozenset(found)


def spied(recording: Recording, name: str) -> Callable[..., Any]:
    """One of boto3's transfer methods, its call noted."""
    original: Callable[..., Any] = getattr(boto3.s3.inject, name)

    def transfer(*args: Any, **options: Any) -> Any:
        recording.visit(name)
        return original(*args, **options)

    return transfer
