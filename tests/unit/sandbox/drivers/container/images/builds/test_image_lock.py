"""What is installed in an image, as text."""

from __future__ import annotations

from pyml_sandbox.drivers.container.images.builds.image_lock import constraints, differences

LOCK = "numpy==2.4.6\npandas==3.1.1\npy4j==0.10.9.9\npyspark==4.3.0\n# debian libc6=2.36-9+deb12u10\n"


def test_pip_is_told_the_python_packages_but_those_of_spark() -> None:
    assert constraints(LOCK) == "numpy==2.4.6\npandas==3.1.1\n"
    assert constraints("") == ""


def test_equal_locks_do_not_differ() -> None:
    assert differences(LOCK, LOCK) == []


def test_what_was_asked_for_and_not_got_is_named() -> None:
    found = LOCK.replace("pandas==3.1.1\n", "").replace("u10", "u11") + "joblib==1.6.0\n"
    assert differences(LOCK, found) == [
        "debian libc6 is 2.36-9+deb12u11, was 2.36-9+deb12u10",
        "joblib is 1.6.0, was missing",
        "pandas is missing, was 3.1.1",
    ]
