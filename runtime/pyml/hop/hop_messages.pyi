from collections.abc import Iterable, MutableSequence

from pyml.oip.messages import _Message

class Greeting(_Message):
    max_queue: int
    def __init__(self, *, max_queue: int = ...) -> None: ...

class Request(_Message):
    number: int
    message: bytes
    id: str
    came_ns: int
    together: bool
    is_cancelled: bool
    def __init__(
        self,
        *,
        number: int = ...,
        message: bytes = ...,
        id: str = ...,
        came_ns: int = ...,
        together: bool = ...,
        is_cancelled: bool = ...,
    ) -> None: ...

class Failure(_Message):
    status: str
    text: str
    reason: str
    hint: str
    codes: MutableSequence[str]
    id: str
    def __init__(
        self,
        *,
        status: str = ...,
        text: str = ...,
        reason: str = ...,
        hint: str = ...,
        codes: Iterable[str] = ...,
        id: str = ...,
    ) -> None: ...

class Answer(_Message):
    number: int
    message: bytes
    failure: Failure
    def __init__(self, *, number: int = ..., message: bytes = ..., failure: Failure = ...) -> None: ...
    def HasField(self, name: str) -> bool: ...  # noqa: N802
