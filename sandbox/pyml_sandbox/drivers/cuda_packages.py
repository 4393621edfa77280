"""A warning about packages for graphics cards among resolved requirements, with the lines that avoid them.

PyPI's `torch`, `tensorflow` and `xgboost` for Linux bring CUDA, gigabytes that no model uses here. What was resolved
decides, and not what `requirements.txt` says: a package may come by way of another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pyml_sandbox.drivers.downloads import megabytes

TENSORFLOW_WITH_CUDA_BYTES = 400 * 10**6
"""PyPI's tensorflow has 572 MB and holds CUDA's kernels, tensorflow-cpu 273 MB (version 2.21, Linux on x86-64)."""
TORCH_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"
SHOWN = 4
_CUDA = re.compile(r"nvidia-|cuda-(bindings|pathfinder|toolkit)$|jax-cuda|cupy-cuda|triton$|.*-gpu$")
_NCCL = "nvidia-nccl"
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)")


def may_name_cuda(lock: str) -> bool:
    """Whether a lock has packages that `cuda_warning` may warn of, once their sizes are known."""
    return any(_CUDA.match(name) or name in _RULES for name in _pins(lock))


def cuda_warning(lock: str, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The lines of a warning, the first of which says what will be fetched; empty if a lock names nothing for CUDA.

    Args:
        lock: resolved requirements, one `name==version` on each line.
        sizes: bytes to download by package, as far as they are known.
    """
    packages = _pins(lock)
    advice = _advice(packages, sizes)
    found = [name for name in packages if _CUDA.match(name) or (name in advice and name != "torch")]
    if not found:
        return ()
    largest = sorted(found, key=lambda name: -sizes.get(name, 0))
    named = ", ".join(f"{name} {megabytes(sizes[name])}" if name in sizes else name for name in largest[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    whole = sum(sizes.get(name, 0) for name in found)
    size = f", {megabytes(whole)} to download" if whole else ""
    head = f"packages for CUDA are among the requirements{size}: {named}{more}"
    lines = dict.fromkeys(line for each in advice.values() for line in each)
    if not lines:
        return (f"{head}; a model here runs on the CPU",)
    return (f"{head}; a model here runs on the CPU. To avoid them, in requirements.txt:", *lines)


def _pins(lock: str) -> dict[str, str]:
    return {pin[1]: pin[2] for line in lock.splitlines() if (pin := _PIN.match(line))}


def _advice(packages: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """By the package that brings CUDA, the lines of `requirements.txt` that take its place."""
    return {
        name: tuple(line.format(version=packages[name]) for line in lines)
        for name, (brings_cuda, lines) in _RULES.items()
        if name in packages and "+cpu" not in packages[name] and brings_cuda(packages, sizes)
    }


def _more_than_nccl(packages: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
    return any(_CUDA.match(name) and not name.startswith(_NCCL) for name in packages)


def _nccl(packages: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
    return any(name.startswith(_NCCL) for name in packages)


def _large_tensorflow(packages: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
    return sizes.get("tensorflow", 0) > TENSORFLOW_WITH_CUDA_BYTES


def _always(packages: Mapping[str, str], sizes: Mapping[str, int]) -> bool:
    return True


_BringsCuda = Callable[[Mapping[str, str], Mapping[str, int]], bool]
_RULES: Mapping[str, tuple[_BringsCuda, tuple[str, ...]]] = {
    "torch": (_more_than_nccl, (TORCH_INDEX, "torch=={version}+cpu")),
    "torchvision": (_more_than_nccl, (TORCH_INDEX, "torchvision=={version}+cpu")),
    "torchaudio": (_more_than_nccl, (TORCH_INDEX, "torchaudio=={version}+cpu")),
    "tensorflow": (_large_tensorflow, ("tensorflow-cpu=={version}",)),
    "xgboost": (_nccl, ("xgboost-cpu=={version}",)),
    "onnxruntime-gpu": (_always, ("onnxruntime=={version}",)),
    "jax-cuda12-plugin": (_always, ("jax=={version}",)),
    "jax-cuda13-plugin": (_always, ("jax=={version}",)),
}
