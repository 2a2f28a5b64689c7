"""YAML as data: what is written is what is read, and what is wrong is said with its place.

PyYAML's own rules (YAML 1.1) read the country code ``NO`` as false, ``10:30`` as 630 and ``0123`` as 83, and let the
last of two equal keys win. Here only true/false, null, plain integers and decimal fractions are anything but text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ml_connector.core.errors import Misconfigured

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[int | str, ...]


class _Loader(yaml.CSafeLoader):  # libyaml's: ten times as fast, and part of every wheel
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own protocol: filled below

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Keys are always text, as in JSON: the codes 1 and true of a value table are no number and no flag."""
        result: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=key.start_mark)
            if key.value in result:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            result[key.value] = self.construct_object(value, deep)
        return result


for tag, pattern, first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ("~", "n", "")),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that ``path`` holds. Raises Misconfigured, naming the file and the line."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}. Create it, or correct the path") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path} is not UTF-8 text. Save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Misconfigured(f"{path}{line}: {error.problem}. Correct the YAML there") from None
    except yaml.YAMLError:
        raise Misconfigured(f"{path} is not YAML: it holds characters that YAML forbids. Remove them") from None
    if not isinstance(data, dict):
        raise Misconfigured(f"{path} holds no settings. Write it as `name: value` lines")
    return data


def check(model: type[Model], data: dict[str, Any], file_of: Callable[[Place], object]) -> Model:
    """``data`` as a ``model``. Raises Misconfigured with one line per problem.

    ``file_of`` says which file holds a place.
    No line repeats what was written there: somebody may have put a password in the wrong place.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"{file_of(e['loc'])}: {dotted(e['loc'])}: {_say(e['type'], e['msg'])}" for e in found]
        raise Misconfigured("\n".join(lines)) from None


def dotted(place: Place) -> str:
    """A place inside a file as a person writes it: ``connections.oracle.origin``."""
    return ".".join(str(part) for part in place)


def _say(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such setting. Remove it, or correct its spelling or its indentation"
    if kind == "missing":
        return "is missing. Add it"
    if kind == "union_tag_not_found":
        return "its type is missing. Add it"
    if kind == "union_tag_invalid":
        return f"its type is not known. It is one of {message.rpartition(': ')[2]}"
    return message.removeprefix("Value error, ")
