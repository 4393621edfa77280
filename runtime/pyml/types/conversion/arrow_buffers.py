"""Arrow columns from buffers: `pa.array` imports pandas to recognise its objects, which takes longer than a request."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


def strings(texts: Sequence[str]) -> pa.Array:
    """A column of strings.

    Args:
        texts: one for each row; none is null. Together they have less than 2 GiB.
    """
    encoded = [text.encode() for text in texts]
    offsets = np.fromiter(accumulate(map(len, encoded), initial=0), np.int32, len(encoded) + 1)
    return pa.Array.from_buffers(
        pa.string(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    )


def indices(places: NDArray[np.int64], is_there: NDArray[np.bool_]) -> pa.Array:
    """A column of indices.

    Args:
        places: the index of each row, int64.
        is_there: whether a row has an index; the others are null.
    """
    validity = np.packbits(is_there, bitorder="little")
    return pa.Array.from_buffers(pa.int64(), len(places), [pa.py_buffer(validity), pa.py_buffer(places)])
