"""The images, built and looked into on a real engine. What depends on content alone is kept for the next run."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from containers.tiny_wheels import served_index, write_wheel
from pyml.errors import PackageError, SetupError, UsageError
from pyml.package.model_package import ModelPackage
from pyml.pinned_environment import PINNED
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.temporary_container import Program, run_to_its_end, temporary_container
from pyml_sandbox.drivers.container.images.base_image import LEFT_OUT, BaseImage, base_key, ensure_base, find_base
from pyml_sandbox.drivers.container.images.bootstrap import BootstrapOptions, bootstrap
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.container.images.inventory import list_images, remove
from pyml_sandbox.drivers.container.images.model_image import ModelImage, build_model, extract_package, find_model_image
from pyml_sandbox.drivers.container.images.python_image import PythonImage, bootstrapped, python_version
from pyml_sandbox.drivers.container.images.unused_jars import is_unused
from pyml_sandbox.services import inside_paths
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.events import Event
from support.packages import ECHO, write_package
from support.waiting import DEADLINE_S

SIZE_MAX_BYTES = 1_150_000_000


def run(engine: Engine, image: str, *command: str) -> str:
    """What a command prints in a container of an image."""
    with temporary_container(engine, image, Program(command, {"/tmp": "mode=1777"})) as container:
        answer = run_to_its_end(container, DEADLINE_S)
    assert answer.code == 0, answer.stderr
    return answer.stdout.strip()


class TestPythonImage:
    def test_it_has_a_python_that_is_new_enough(self, engine: Engine, base_image: BaseImage) -> None:
        assert tuple(map(int, base_image.python_version.split("."))) >= (3, 11)

    def test_one_without_python_is_refused(self, engine: Engine) -> None:
        empty = engine.client.api.import_image_from_data(_empty_system(), "pyml-test-empty", "1")
        try:
            with pytest.raises(SetupError, match="cannot be the Python image: it has no shell"):
                python_version(engine, PythonImage(json.loads(empty)["status"], "pyml-test-empty:1"))
        finally:
            engine.client.images.remove("pyml-test-empty:1")

    def test_one_that_cannot_be_pulled_names_both_ways_out(self, engine: Engine) -> None:
        with pytest.raises(SetupError) as error:
            ensure_base(engine, BuildOptions(python_image="localhost:1/nobody/nothing:1"))
        assert "pyml image bootstrap" in error.value.hint
        assert "--python-image" in error.value.hint


class TestBootstrappedImage:
    @pytest.fixture
    def image(self, engine: Engine, python_image: str) -> str:
        found = bootstrapped(engine)
        if found is None:
            pytest.skip("the default Python image could be pulled")
        return found.reference

    def test_it_is_made_once(self, engine: Engine, image: str) -> None:
        again = bootstrap(engine, BootstrapOptions(suite=image.partition(":")[2]))
        assert (again.tag, again.reused) == (image, True)

    def test_it_holds_no_lists_no_documentation_and_nothing_of_this_machine(self, engine: Engine, image: str) -> None:
        look = (
            "find /var/lib/apt/lists /var/cache/apt /var/log /usr/share/man /usr/share/locale /etc/machine-id -type f"
        )
        assert run(engine, image, "sh", "-c", f"{look} 2>/dev/null; true").split() == []
        assert run(engine, image, "sh", "-c", "ls /usr/share/doc/*/copyright | wc -l") != "0"


class TestBaseImage:
    def test_a_second_call_builds_nothing(self, engine: Engine, base_image: BaseImage) -> None:
        events: list[Event] = []
        again = ensure_base(engine, on_event=events.append)
        assert again == replace(base_image, reused=True) == find_base(engine)
        assert events == []

    def test_its_key_changes_with_the_python_image(self) -> None:
        assert base_key("sha256:a") != base_key("sha256:b")

    def test_its_labels_say_what_it_is(self, engine: Engine, base_image: BaseImage) -> None:
        marks = engine.client.images.get(base_image.id).labels
        assert marks[labels.KIND] == "base"
        assert base_image.tag == f"pyml-base:{marks[labels.KEY][:12]}"
        assert marks[labels.PYTHON_VERSION] == base_image.python_version

    def test_it_runs_as_an_ordinary_user_who_owns_the_volumes_folders(
        self, engine: Engine, base_image: BaseImage
    ) -> None:
        folders = (inside_paths.WAREHOUSE, inside_paths.METASTORE, inside_paths.SOCKETS)
        assert run(engine, base_image.id, "id", "-u") == "1000"
        owners = run(engine, base_image.id, "stat", "-c", "%U:%G %a", *folders)
        assert owners.splitlines() == ["pyml:pyml 700"] * 3

    def test_python_has_the_runtime_and_this_spark_and_all_bytecode(
        self, engine: Engine, base_image: BaseImage
    ) -> None:
        code = (
            "import json, os, pyml, pyspark, pyml.server, pyml.gateway, sys, pathlib, site\n"
            "packages = [pathlib.Path(site.getsitepackages()[0]), pathlib.Path('/opt/pyml/runtime'), pathlib.Path(os.__file__).parent / 'json']\n"
            "bare = [str(p) for f in packages for p in f.rglob('*.py') if not (p.parent / '__pycache__' / (p.stem + f'.{sys.implementation.cache_tag}.pyc')).exists()]\n"
            "print(json.dumps([pyspark.__version__, pyml.__file__, os.path.realpath(pyspark.__path__[0]), bare]))"
        )
        version, runtime, spark, bare = json.loads(run(engine, base_image.id, inside_paths.BASE_PYTHON, "-c", code))
        assert version == SparkHome.find().version
        assert runtime == "/opt/pyml/runtime/pyml/__init__.py"
        assert spark == inside_paths.SPARK_HOME
        assert bare == []

    def test_java_runs_spark(self, engine: Engine, base_image: BaseImage) -> None:
        said = run(
            engine,
            base_image.id,
            "sh",
            "-c",
            f"SPARK_LOCAL_IP=127.0.0.1 {inside_paths.SPARK_HOME}/bin/spark-submit --version 2>&1",
        )
        assert f"version {SparkHome.find().version}" in said

    def test_it_has_the_jars_of_this_spark_but_the_unused_ones(self, engine: Engine, base_image: BaseImage) -> None:
        inside = set(run(engine, base_image.id, "ls", f"{inside_paths.SPARK_HOME}/jars").splitlines())
        assert inside == {path.name for path in SparkHome.find().jars.iterdir() if not is_unused(path.name)}

    def test_the_resource_script_prints_what_a_worker_expects(self, engine: Engine, base_image: BaseImage) -> None:
        said = run(engine, base_image.id, "env", "PYML_RESOURCE=image_1", inside_paths.RESOURCE_SCRIPT)
        assert json.loads(said) == {"name": "image_1", "addresses": ["0"]}

    def test_no_build_tool_no_cache_no_mount_point_and_no_test_stays(
        self, engine: Engine, base_image: BaseImage
    ) -> None:
        look = "find /opt /dev/shm /tmp /var/cache /var/log /var/lib/apt -mindepth 1"
        found = run(engine, base_image.id, "sh", "-c", f"{look} 2>/dev/null; true").splitlines()
        parts = {part for path in found for part in Path(path).parts}
        assert not parts & {"pip", "setuptools", "tests", "javac", "jlink", "gcc", "secrets", *LEFT_OUT} - {
            "__pycache__"
        }
        assert [path for path in found if path.startswith(("/dev/shm/", "/tmp/", "/var/log/"))] == []

    def test_its_lock_names_python_and_debian_packages(self, engine: Engine, base_image: BaseImage) -> None:
        lock = run(engine, base_image.id, "cat", inside_paths.LOCK).splitlines()
        assert f"pyspark=={SparkHome.find().version}" in lock
        assert any(line.startswith("# debian libc6=") for line in lock)

    def test_java_takes_the_classes_of_both_services_from_archives(self, engine: Engine, base_image: BaseImage) -> None:
        for archive in (inside_paths.METASTORE_CLASSES, inside_paths.SPARK_CLASSES):
            assert int(run(engine, base_image.id, "stat", "--format=%s", archive.file)) > 10_000_000
        java, jars = f"{inside_paths.JAVA_HOME}/bin/java", f"{inside_paths.SPARK_HOME}/jars/*"
        options = [*inside_paths.METASTORE_CLASSES.options, "-XX:+UseSerialGC", "-Xlog:class+load"]
        loaded = run(engine, base_image.id, java, *options, "-cp", jars, "org.apache.hadoop.util.VersionInfo")
        assert loaded.count("source: shared objects file (top)") > 50

    def test_it_is_not_larger_than_promised(self, engine: Engine, base_image: BaseImage) -> None:
        size = int(engine.client.images.get(base_image.id).attrs["Size"])
        assert size <= SIZE_MAX_BYTES, f"{size:,} bytes"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    """A package that needs nothing beyond the base, always the same."""
    folder = write_package(tmp_path_factory.mktemp("packages") / "image_test")
    (folder / "parameters" / "weights.txt").write_text("1 2 3")
    return ModelPackage(folder)


@pytest.fixture(scope="module")
def model(engine: Engine, base_image: BaseImage, package: ModelPackage) -> ModelImage:
    """Its image."""
    return build_model(engine, base_image, package, package.digest()[:12])


Build = Callable[..., ModelImage]


@pytest.fixture
def build(engine: Engine, base_image: BaseImage) -> Iterator[Build]:
    """Builds the image of a package under a version of its own; removed afterwards."""
    built: list[ModelImage] = []

    def build_one(
        package: ModelPackage, lock: str | None = None, engine: Engine = engine, **options: object
    ) -> ModelImage:
        chosen = BuildOptions(**options)  # type: ignore[arg-type]
        built.append(build_model(engine, base_image, package, uuid.uuid4().hex[:12], lock, chosen))
        return built[-1]

    yield build_one
    for image in built:
        engine.client.images.remove(image.tag, force=True)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Wheels of two packages that no index has."""
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path / "wheels", "pymltiny", version, ["numpy"])
    write_wheel(tmp_path / "wheels", "pymlnarrow", "1.0", ["pymltiny<2"])
    return tmp_path / "wheels"


def tiny_package(folder: Path, requirements: str = "pymltiny\n") -> ModelPackage:
    """A package that imports what it requires, different from every other one: the builder knows none of its steps."""
    write_package(folder, f"import pymltiny\n{ECHO}", f"{requirements}# {uuid.uuid4()}\n")
    return ModelPackage(folder)


def echo_package(folder: Path, packages: str = "", model: str = ECHO) -> ModelPackage:
    """A package that requires nothing, different from every other one."""
    write_package(folder, f"{model}\n# {uuid.uuid4()}\n")
    (folder / "packages.txt").write_text(packages)
    return ModelPackage(folder)


def layers(engine: Engine, image: str) -> list[str]:
    """Digests of an image's layers, the lowest first."""
    return [str(layer) for layer in engine.client.images.get(image).attrs["RootFS"]["Layers"]]


class TestModelImage:
    def test_it_knows_name_version_contract_and_lock(self, model: ModelImage, package: ModelPackage) -> None:
        assert (model.name, model.version) == ("image_test", package.digest()[:12])
        assert model.tag == f"pyml-model/image_test:{model.version}"
        assert model.signature == {"kind": "frame", "inputs": "a DOUBLE", "outputs": "a DOUBLE"}
        assert "pandas==" in model.lock

    def test_its_labels_say_the_same(
        self, engine: Engine, model: ModelImage, base_image: BaseImage, package: ModelPackage
    ) -> None:
        marks = engine.client.images.get(model.id).labels
        assert marks[labels.KIND] == "model"
        assert (marks[labels.MODEL], marks[labels.VERSION]) == (model.name, model.version)
        assert marks[labels.CONTENT] == package.digest()
        assert marks[labels.BASE] == base_image.id
        assert json.loads(marks[labels.CONTRACT]) == model.signature

    def test_a_second_call_builds_nothing_with_and_without_its_lock(
        self, engine: Engine, base_image: BaseImage, package: ModelPackage, model: ModelImage
    ) -> None:
        for lock in (None, model.lock):
            again = build_model(engine, base_image, package, model.version, lock)
            assert again == replace(model, reused=True)

    def test_it_is_found_by_id_and_by_name(self, engine: Engine, model: ModelImage) -> None:
        assert find_model_image(engine, model.tag) == find_model_image(engine, model.id) == replace(model, reused=True)

    def test_other_images_are_refused(self, engine: Engine, base_image: BaseImage) -> None:
        with pytest.raises(UsageError, match="is not a model image"):
            find_model_image(engine, base_image.tag)
        with pytest.raises(UsageError, match="There is no image"):
            find_model_image(engine, "pyml-model/nobody:1")

    def test_its_package_comes_out_as_it_went_in(
        self, engine: Engine, model: ModelImage, package: ModelPackage, tmp_path: Path
    ) -> None:
        extract_package(engine, model.id, tmp_path / "out")
        assert ModelPackage(tmp_path / "out").digest() == package.digest()

    def test_an_empty_folder_of_parameters_comes_out_too(self, engine: Engine, build: Build, tmp_path: Path) -> None:
        image = build(echo_package(tmp_path / "empty"))
        extract_package(engine, image.id, tmp_path / "out")
        assert ModelPackage(tmp_path / "out").problems() == []

    def test_its_files_are_root_s_and_nobody_may_write_them(self, engine: Engine, model: ModelImage) -> None:
        look = f"find {inside_paths.MODEL_PACKAGE} -printf '%u %m %y %P\\n' | sort"
        assert run(engine, model.id, "sh", "-c", look).splitlines() == [
            "root 444 f model.py",
            "root 444 f packages.txt",
            "root 444 f parameters/weights.txt",
            "root 444 f requirements.txt",
            "root 755 d ",
            "root 755 d parameters",
        ]

    def test_its_python_starts_in_the_pinned_environment(self, engine: Engine, model: ModelImage) -> None:
        code = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.prefix]))"
        environ, folder, prefix = json.loads(run(engine, model.id, inside_paths.MODEL_PYTHON, "-c", code))
        assert environ.items() >= PINNED.items()
        assert (folder, prefix) == (inside_paths.MODEL_PACKAGE, "/opt/pyml/venv")

    def test_an_edit_of_the_code_changes_the_last_layer_only(
        self, engine: Engine, build: Build, tmp_path: Path
    ) -> None:
        package = echo_package(tmp_path / "edited")
        before = layers(engine, build(package).id)
        (package.folder / "model.py").write_text(f"{ECHO}\n# {uuid.uuid4()}\n")
        after = layers(engine, build(ModelPackage(package.folder)).id)
        assert before[:-1] == after[:-1]
        assert before[-1] != after[-1]

    def test_a_model_that_cannot_be_loaded_is_refused_in_its_own_words_and_leaves_no_image(
        self, engine: Engine, build: Build, tmp_path: Path
    ) -> None:
        package = echo_package(tmp_path / "broken", model=ECHO.replace("pass", "raise ValueError('not today')"))
        with pytest.raises(PackageError, match="not today"):
            build(package)
        assert engine.client.images.list(filters={"label": f"{labels.CONTENT}={package.digest()}"}) == []
        assert engine.client.images.list("pyml-build") == []

    def test_a_model_that_ends_python_is_refused(self, build: Build, tmp_path: Path) -> None:
        package = echo_package(tmp_path / "exits", model=ECHO.replace("pass", "import os; os._exit(9)"))
        with pytest.raises(PackageError, match="exit code 9"):
            build(package)

    def test_while_it_is_loaded_it_has_no_network_and_can_write_nothing(self, build: Build, tmp_path: Path) -> None:
        code = "import os; assert os.listdir('/sys/class/net') == ['lo']; open('/opt/x', 'w')"
        package = echo_package(tmp_path / "writes", model=ECHO.replace("pass", code))
        with pytest.raises(PackageError, match="Read-only file system"):
            build(package)


class TestRequirements:
    def test_wheels_serve_a_build_without_any_index(
        self, engine: Engine, build: Build, wheels: Path, tmp_path: Path
    ) -> None:
        image = build(tiny_package(tmp_path / "tiny"), wheels=wheels)
        assert "pymltiny==2.0" in image.lock.splitlines()
        assert (
            run(engine, image.id, inside_paths.MODEL_PYTHON, "-c", "import pymltiny; print(pymltiny.VERSION)") == "2.0"
        )

    def test_a_layer_holds_only_what_the_base_lacks(
        self, engine: Engine, build: Build, base_image: BaseImage, wheels: Path, tmp_path: Path
    ) -> None:
        image = build(tiny_package(tmp_path / "tiny"), wheels=wheels)
        sizes = [int(engine.client.images.get(each).attrs["Size"]) for each in (base_image.id, image.id)]
        assert sizes[1] - sizes[0] < 100_000
        assert layers(engine, image.id)[: len(layers(engine, base_image.id))] == layers(engine, base_image.id)

    def test_a_known_lock_is_installed_again(self, build: Build, wheels: Path, tmp_path: Path) -> None:
        package = tiny_package(tmp_path / "tiny")
        lock = build(package, wheels=wheels).lock.replace("pymltiny==2.0", "pymltiny==1.0")
        assert build(package, lock, wheels=wheels).lock == lock

    def test_requirements_that_cannot_be_met_together_are_refused_in_pip_s_words(
        self, build: Build, wheels: Path, tmp_path: Path
    ) -> None:
        package = tiny_package(tmp_path / "conflict", "pymlnarrow\npymltiny>=2\n")
        with pytest.raises(PackageError) as error:
            build(package, wheels=wheels)
        (problem,) = error.value.problems
        assert "pymlnarrow 1.0 depends on pymltiny<2" in problem.message
        assert problem.hint == "change requirements.txt"

    def test_requirements_against_the_runtime_are_refused(self, build: Build, wheels: Path, tmp_path: Path) -> None:
        write_wheel(wheels, "pandas", "1.0")
        package = tiny_package(tmp_path / "old", "pymltiny\npandas<2\n")
        with pytest.raises(PackageError, match=r"pandas>=2\.2 because these package versions have conflicting"):
            build(package, wheels=wheels)

    def test_an_index_out_of_reach_is_not_the_package_s_fault(
        self, engine: Engine, build: Build, tmp_path: Path
    ) -> None:
        environ = {**engine.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
        with pytest.raises(SetupError, match="cannot be reached"):
            build(tiny_package(tmp_path / "tiny"), engine=Engine(engine.endpoint, environ))

    def test_passwords_and_certificates_reach_the_build_and_leave_no_trace(
        self, engine: Engine, build: Build, python_image: str, wheels: Path, tmp_path: Path
    ) -> None:
        password, proxy_password, certificate = (f"{name}-{uuid.uuid4().hex}" for name in ("index", "proxy", "ca"))
        (tmp_path / "ca.pem").write_text(f"# {certificate}\n{_any_certificate()}")
        with served_index(engine, python_image, list(wheels.glob("*.whl")), f"me:{password}") as host:
            environ = {
                **engine.environ,
                "PIP_INDEX_URL": f"http://me:{password}@{host}/simple",
                "PIP_TRUSTED_HOST": host.partition(":")[0],
                "PIP_CERT": str(tmp_path / "ca.pem"),
                "HTTP_PROXY": f"http://me:{proxy_password}@proxy.invalid:3128",
                "NO_PROXY": host.partition(":")[0],
            }
            image = build(tiny_package(tmp_path / "tiny"), engine=Engine(engine.endpoint, environ))
        assert "pymltiny==2.0" in image.lock.splitlines()
        facts = json.dumps([engine.client.images.get(image.id).attrs, engine.client.images.get(image.id).history()])
        for secret in (password, proxy_password, certificate):
            assert secret not in facts
        installed = "VERSION = '2.0'"  # what would be found
        secrets = [password, proxy_password, certificate, host, installed]
        assert _found_in_layers(engine, image.id, secrets) == [installed]


class TestDebianPackages:
    def test_they_are_installed_and_locked_and_no_list_stays(
        self, engine: Engine, build: Build, tmp_path: Path
    ) -> None:
        image = build(echo_package(tmp_path / "debian", packages="hello\n"))
        assert "Hello" in run(engine, image.id, "hello")
        assert any(line.startswith("# debian hello=") for line in image.lock.splitlines())
        look = "ls -A /var/lib/apt/lists /var/cache/apt /var/log /tmp /dev/shm | grep -v ':$'; true"
        assert run(engine, image.id, "sh", "-c", look).split() == []

    def test_one_that_debian_does_not_have_is_the_package_s_fault(self, build: Build, tmp_path: Path) -> None:
        with pytest.raises(PackageError, match="Unable to locate package pyml-nonsense") as error:
            build(echo_package(tmp_path / "nonsense", packages="pyml-nonsense\n"))
        assert error.value.problems[0].hint == "change packages.txt"


class TestInventory:
    def test_it_lists_what_pyml_made_with_the_part_that_is_its_own(
        self, engine: Engine, base_image: BaseImage, model: ModelImage
    ) -> None:
        images = {image.id: image for image in list_images(engine)}
        assert images[base_image.id].kind == "base"
        found = images[model.id]
        assert (found.kind, found.name, found.version) == ("model", model.name, model.version)
        assert model.tag in found.tags
        assert found.base_id == base_image.id
        assert found.own_bytes < 1_000_000 < found.size_bytes

    def test_images_of_containers_are_in_use_and_stay(self, engine: Engine, build: Build, tmp_path: Path) -> None:
        image = build(echo_package(tmp_path / "used"))
        container = engine.client.containers.create(image.id, ["true"])
        try:
            (found,) = [each for each in list_images(engine) if each.id == image.id]
            assert found.in_use
            events: list[Event] = []
            assert remove(engine, [found], events.append).images == ()
            assert f"kept {image.tag}" in events[0].detail
        finally:
            container.remove()

    def test_removing_says_what_is_gone(self, engine: Engine, base_image: BaseImage, tmp_path: Path) -> None:
        image = build_model(engine, base_image, echo_package(tmp_path / "gone"), uuid.uuid4().hex[:12])
        found = [each for each in list_images(engine) if each.id == image.id]
        assert remove(engine, found).images == tuple(found)
        assert [each for each in list_images(engine) if each.id == image.id] == []


def _empty_system() -> bytes:
    """An archive with one empty file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    return packed.getvalue()


def _any_certificate() -> str:
    """One certificate that is trusted in general."""
    import certifi

    text = Path(certifi.where()).read_text(encoding="utf-8")
    end = "-----END CERTIFICATE-----"
    return text[text.index("-----BEGIN") : text.index(end) + len(end)] + "\n"


def _found_in_layers(engine: Engine, image: str, secrets: Sequence[str]) -> list[str]:
    """Those of some texts that occur in any layer of an image, even one that a later layer hides, or in its settings."""
    tail, found = b"", set()
    for chunk in engine.client.images.get(image).save(chunk_size=4_000_000):
        window = tail + bytes(chunk)
        found |= {secret for secret in secrets if secret.encode() in window}
        tail = window[-200:]
    return sorted(found)
