# The image that every service runs from, and that every model's image begins with.
#
# Built by pyml_sandbox/drivers/container/images/base_image.py, which prepares the context. pip, caches, certificates and passwords are mounted below
# /dev/shm while a step runs, so none of them stays. No `# syntax` line: the builder would fetch a frontend from a registry.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Java: the modules that Spark, Hive and Derby use.
FROM ${PYTHON_IMAGE} AS java
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt,mode=0444 \
    . /dev/shm/pyml/settings.sh && apt_update && \
    apt_install $(apt-cache search --names-only '^openjdk-(17|21)-jdk-headless$' | sort | head -n 1 | cut -d ' ' -f 1) binutils
RUN modules=java.se,jdk.unsupported,jdk.incubator.vector,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.security.auth && \
    modules=$modules,jdk.security.jgss,jdk.jfr,jdk.naming.dns,jdk.net,jdk.nio.mapmode,jdk.charsets && \
    jlink --add-modules $modules --strip-debug --no-header-files --no-man-pages --output /opt/pyml/java && \
    /opt/pyml/java/bin/java -Xshare:dump

FROM ${PYTHON_IMAGE} AS tools
RUN python3 -m venv /opt/tools

FROM ${PYTHON_IMAGE} AS runtime
COPY runtime /opt/pyml/runtime
RUN chmod -R a+rX /opt/pyml/runtime && python3 -m compileall -q /opt/pyml/runtime

FROM ${PYTHON_IMAGE}
RUN useradd --uid 1000 --user-group --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pyml && \
    install -d -m 0700 -o 1000 -g 1000 /var/lib/pyml /var/lib/pyml/warehouse /var/lib/pyml/metastore /run/pyml && \
    rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
# PySpark and its Spark, as installed beside the sandbox: server and client are of one version by construction. Bytecode is
# written now, for the standard library as well where the Python image has none, since containers never write any.
RUN --mount=type=bind,source=pyspark,target=/dev/shm/pyml/pyspark \
    mkdir -p /opt/pyml && cp -r --preserve=timestamps /dev/shm/pyml/pyspark /opt/pyml/spark && \
    chmod -R a+rX /opt/pyml/spark && python3 -m compileall -q -j 0 /opt/pyml/spark && \
    python3 -m compileall -q -j 0 -x 'site-packages|dist-packages|/test' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# The environment: what the runtime, the gateway and PySpark need. PySpark is linked to and the runtime is on the path, so
# that each of them is a layer of its own.
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=bind,source=requirements.txt,target=/dev/shm/pyml/requirements.txt \
    --mount=type=bind,source=wheels,target=/dev/shm/pyml/wheels \
    --mount=type=bind,source=dist-info,target=/dev/shm/pyml/dist-info \
    --mount=type=bind,source=write_lock.py,target=/dev/shm/pyml/write_lock.py \
    --mount=type=bind,from=tools,source=/opt/tools,target=/dev/shm/pyml/tools \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt \
    --mount=type=secret,id=pip,target=/dev/shm/pyml/pip.sh \
    --mount=type=cache,id=pyml-pip,target=/dev/shm/pyml/cache \
    . /dev/shm/pyml/settings.sh && python3 -m venv --without-pip /opt/pyml/venv && \
    pip_install --quiet --no-compile --requirement /dev/shm/pyml/requirements.txt && \
    cd /opt/pyml/venv/lib/python3*/site-packages && \
    find . -type d \( -name tests -o -path ./pyarrow/include \) -prune -exec rm -r {} + && \
    python3 -m compileall -q -j 0 . && \
    cp -r /dev/shm/pyml/dist-info/. . && chmod -R a+rX . && ln -s /opt/pyml/spark pyspark && \
    echo /opt/pyml/runtime >pyml.pth && \
    /opt/pyml/venv/bin/python /dev/shm/pyml/write_lock.py >/opt/pyml/requirements.lock
COPY --from=java /opt/pyml/java /opt/pyml/java
# Archives of the classes that the metastore and Spark load while they start. Before the runtime: an edit of it needs no new ones.
RUN --mount=type=bind,source=archive_classes.py,target=/dev/shm/pyml/archive_classes.py \
    --mount=type=bind,source=rehearsal,target=/dev/shm/pyml/rehearsal \
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/dev/shm/pyml/rehearsal \
        /opt/pyml/venv/bin/python /dev/shm/pyml/archive_classes.py /dev/shm/pyml/rehearsal/plan.json && \
    rm -rf /tmp/* /tmp/.java_pid* /tmp/hsperfdata*
COPY --chmod=0755 spark-resource.sh /opt/pyml/spark-resource
COPY --chmod=0755 entrypoint.sh /opt/pyml/entrypoint
COPY --from=runtime /opt/pyml/runtime /opt/pyml/runtime
ENV JAVA_HOME=/opt/pyml/java SPARK_HOME=/opt/pyml/spark PATH=/opt/pyml/venv/bin:/opt/pyml/java/bin:$PATH
USER 1000:1000
ENTRYPOINT ["/opt/pyml/entrypoint"]
