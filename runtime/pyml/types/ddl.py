"""Spark DDL, parsed by sqlglot: a list of columns, and nothing that a Schema does not support."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from pyml.errors import SchemaError

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

DDL_HINT = 'write it as "trip_id BIGINT NOT NULL, fare DOUBLE"; the types are listed in docs/reference/types.md'
MAX_DEPTH = 100
"""Levels of ARRAY, MAP and STRUCT."""
SHOWN_CHARACTERS = 300
_OPENING = ("LT", "L_PAREN", "L_BRACKET", "L_BRACE")
_CLOSING = ("GT", "R_PAREN", "R_BRACKET", "R_BRACE")
_CARRIED = {
    "Create": {"this", "kind"},
    "Schema": {"this", "expressions"},
    "Table": {"this"},
    "Identifier": {"this", "quoted"},
    "ColumnDef": {"this", "kind", "constraints"},
    "ColumnConstraint": {"kind"},
    "NotNullColumnConstraint": {"allow_null"},
    "CommentColumnConstraint": {"this"},
    "DataType": {"this", "expressions", "nested"},
    "DataTypeParam": {"this"},
    "Literal": {"this", "is_string"},
}
"""The sqlglot nodes, and their parts, of a column list that a Schema supports; comments are dropped."""


def parse_columns(text: str) -> list[exp.ColumnDef]:
    """Parse a list of columns, each with a name, a type, and at most NOT NULL and a comment.

    Raises:
        SchemaError: it cannot be parsed, or declares more than the name, type and nullability of a column.
        RecursionError: a type is nested too deeply.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not text.strip():
        return []
    try:
        _check_tokens(text)
        create = sqlglot.parse_one(f"CREATE TABLE t (\n{text}\n)", dialect="spark")
    except SqlglotError as error:
        place = _place(text, error)
        raise SchemaError(
            f"expected a list of columns in Spark DDL, found {_shown(text)!r}{place}", DDL_HINT
        ) from error
    if not isinstance(create.this, exp.Schema) or create.args.get("expression"):
        raise SchemaError(f"expected a list of columns in Spark DDL, found {_shown(text)!r}", DDL_HINT)
    _refuse_unsupported(create)
    columns = create.this.expressions
    for column in columns:
        if not isinstance(column, exp.ColumnDef) or column.kind is None:
            raise SchemaError(f"`{column.sql('spark')}` has no type", f'write it as "{column.sql("spark")} DOUBLE"')
    return list(columns)


def _check_tokens(text: str) -> None:
    """Refuse what sqlglot does not stand or passes over: deep nesting, and a comma with nothing on one side.

    Its parser is compiled where it can be, and then a type that is nested too deeply ends Python itself.

    Raises:
        SchemaError: for one of these.
        SqlglotError: it is no SQL at all.
    """
    import sqlglot

    kinds = ["", *(token.token_type.name for token in sqlglot.tokenize(text, dialect="spark")), ""]
    depths = accumulate((kind in _OPENING) - (kind in _CLOSING) for kind in kinds)
    if max(depths) > MAX_DEPTH:
        raise SchemaError("a type is nested too deeply", "declare the inner parts as separate columns")
    for before, kind, after in zip(kinds, kinds[1:], kinds[2:], strict=False):
        if kind == "COMMA" and (before in ("", "COMMA", *_OPENING) or after in ("", "COMMA", *_CLOSING)):
            raise SchemaError(f"a comma in {_shown(text)!r} has nothing before or after it", DDL_HINT)


def _refuse_unsupported(create: exp.Expr) -> None:
    for node in create.walk():
        carried = _CARRIED.get(type(node).__name__)
        if carried is None:
            raise _unsupported(node)
        for name, part in node.args.items():
            if part and name not in carried:
                raise _unsupported(part)


def _unsupported(part: object) -> SchemaError:
    from sqlglot import exp

    parts = part if isinstance(part, list) else [part]
    ddl = ", ".join(each.sql("spark") if isinstance(each, exp.Expression) else str(each) for each in parts)
    return SchemaError(f"`{_shown(ddl.strip())}` is not supported in a Schema", DDL_HINT)


def _shown(text: str) -> str:
    """As much of a text as a message holds."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _place(text: str, error: SqlglotError) -> str:
    """Where the parser stopped, if it knows; a position outside the DDL would only confuse."""
    found = [str(entry.get("highlight") or "") for entry in getattr(error, "errors", ())]
    return f", at {found[0]!r}" if found and found[0] in text and found[0] else ""


def is_not_null(column: exp.ColumnDef) -> bool:
    """True for a column that is declared NOT NULL."""
    from sqlglot import exp

    return any(
        isinstance(constraint.kind, exp.NotNullColumnConstraint) and not constraint.kind.args.get("allow_null")
        for constraint in column.constraints
    )


def is_bare_name(name: str) -> bool:
    """Whether a plain identifier is a name wherever it stands, and neither a keyword nor a function.

    Args:
        name: ASCII letters, digits and underscores, not beginning with a digit.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        create = sqlglot.parse_one(f"CREATE TABLE t ({name} STRUCT<{name}: INT>)", dialect="spark")
        columns = create.this.expressions if isinstance(create.this, exp.Schema) else []
        if len(columns) != 1 or not isinstance(columns[0], exp.ColumnDef) or columns[0].name != name:
            return False
        if sqlglot.tokenize(name, read="spark")[0].token_type.name == "VAR":
            return True
        selected = sqlglot.parse_one(f"SELECT {name}, {name} AS {name} FROM t WHERE {name} IS NULL", dialect="spark")
    except SqlglotError:
        return False
    return isinstance(selected, exp.Select) and isinstance(selected.expressions[0], exp.Column)
