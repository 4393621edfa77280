"""Which resolved packages are for CUDA, and what avoids them."""

from __future__ import annotations

import pytest

from pyml_sandbox.drivers.cuda_packages import cuda_warning

MB = 10**6
TORCH = "torch==2.14.1\ncuda-toolkit==13.0.3.0\nnvidia-cudnn-cu13==9.24\nnvidia-nccl-cu13==2.30.7\ntriton==3.8.0\n"
INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize(
    ("lock", "sizes", "lines"),
    [
        (TORCH, {}, [INDEX, "torch==2.14.1+cpu"]),
        (TORCH + "torchvision==0.29.1\n", {}, [INDEX, "torch==2.14.1+cpu", "torchvision==0.29.1+cpu"]),
        (TORCH + "xgboost==3.2.0\n", {}, [INDEX, "torch==2.14.1+cpu", "xgboost-cpu==3.2.0"]),
        ("torch==2.14.1+cpu\nxgboost==3.2.0\nnvidia-nccl-cu12==2.32.3\n", {}, ["xgboost-cpu==3.2.0"]),
        ("tensorflow==2.21.0\n", {"tensorflow": 572 * MB}, ["tensorflow-cpu==2.21.0"]),
        ("onnxruntime-gpu==1.23\n", {}, ["onnxruntime==1.23"]),
        ("jax==0.10.2\njax-cuda12-plugin==0.10.2\nnvidia-cublas-cu12==12.9\n", {}, ["jax==0.10.2"]),
        ("mystery==1\nnvidia-cublas-cu12==12.9 ; sys_platform == 'linux'\n", {}, []),
    ],
)
def test_packages_for_cuda_are_warned_of_with_the_lines_that_avoid_them(
    lock: str, sizes: dict[str, int], lines: list[str]
) -> None:
    first, *others = cuda_warning(lock, sizes)
    assert first.startswith("packages for CUDA are among the requirements")
    assert others == lines


@pytest.mark.parametrize(
    ("lock", "sizes"),
    [
        ("numpy==2.4.6\npandas==3.1.1\n", {}),
        ("torch==2.14.1+cpu\n", {"torch": 190 * MB}),
        ("torch==2.14.1\n", {"torch": 190 * MB}),  # of an index that has builds for the CPU alone
        ("tensorflow==2.21.0\n", {"tensorflow": 250 * MB}),  # macOS, or Linux on another processor
        ("tensorflow==2.21.0\n", {}),
        ("xgboost-cpu==3.2.0\ntensorflow-cpu==2.21.0\nlightgbm==4.7.0\ncuda==1\n", {}),
    ],
)
def test_packages_for_the_cpu_are_no_reason_for_a_warning(lock: str, sizes: dict[str, int]) -> None:
    assert cuda_warning(lock, sizes) == ()


def test_the_largest_are_named_with_their_sizes() -> None:
    sizes = {"nvidia-cudnn-cu13": 519 * MB, "triton": 285 * MB, "nvidia-nccl-cu13": 215 * MB, "torch": 539 * MB}
    first, *_ = cuda_warning(TORCH + "nvidia-nvtx==13\n", sizes)
    assert (
        "1,019 MB to download: nvidia-cudnn-cu13 519 MB, triton 285 MB, nvidia-nccl-cu13 215 MB, cuda-toolkit and 1 more"
        in first
    )
