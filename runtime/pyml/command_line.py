"""Commands that are printed for a user to copy into a shell: every value in them is quoted."""

from __future__ import annotations

import shlex


def command(program: str, *values: str, **options: str) -> str:
    """A command line that a POSIX shell splits into exactly these arguments, whatever the values contain.

    Values without control characters are quoted by `shlex.quote`. A value with one is written as `$'…'`, which bash
    and zsh read: the command stays one line, and no escape sequence reaches the terminal that prints it.

    Args:
        program: the program and its fixed arguments, such as "pyml dev sql"; inserted unquoted.
        values: positional arguments; `--` precedes them if one begins with a dash.
        options: values of long options by name; underscores in a name become dashes. Empty values are left out.

    Returns:
        The command, in one line.
    """
    arguments = [program, *(_option(name.replace("_", "-"), value) for name, value in options.items() if value)]
    if any(value.startswith("-") for value in values):
        arguments.append("--")
    return " ".join([*arguments, *map(quoted_word, values)])


def quoted_word(value: str) -> str:
    """One argument as a shell reads it, see :func:`command`."""
    if value.isprintable():
        return shlex.quote(value)
    plain = "".join(f"\\{each}" if each in "\\'" else each if each.isprintable() else _bytes(each) for each in value)
    return f"$'{plain}'"


def _option(name: str, value: str) -> str:
    """A value that begins with a dash needs `=`: as a separate word it would be read as the next option."""
    return f"--{name}{'=' if value.startswith('-') else ' '}{quoted_word(value)}"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
