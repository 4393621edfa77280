# The image that every service runs from, and that every model's image begins with.
#
# Built by pyml_sandbox/images/base.py, which prepares the context. Only what the last stage copies stays: no compiler, no
# pip cache, no certificates, no passwords. No `# syntax` line: it would make the builder fetch a frontend from a registry.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Java: the modules that Spark, Hive and Derby use.
FROM ${PYTHON_IMAGE} AS java
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt,mode=0444 \
    . /dev/shm/pyml/settings.sh && apt_update && \
    apt_install $(apt-cache search --names-only '^openjdk-(17|21)-jdk-headless$' | sort | head -n 1 | cut -d ' ' -f 1) binutils
RUN modules=java.se,jdk.unsupported,jdk.incubator.vector,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.security.auth && \
    modules=$modules,jdk.security.jgss,jdk.jfr,jdk.naming.dns,jdk.net,jdk.nio.mapmode,jdk.charsets && \
    jlink --add-modules $modules --strip-debug --no-header-files --no-man-pages --output /opt/pyml/java

# The environment: what the runtime, the gateway and PySpark need, installed by a pip that lives elsewhere.
FROM ${PYTHON_IMAGE} AS packages
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/pyml/venv
COPY requirements.txt /opt/tools/
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=bind,source=wheels,target=/dev/shm/pyml/wheels \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt \
    --mount=type=secret,id=pip,target=/dev/shm/pyml/pip.sh \
    --mount=type=cache,id=pyml-pip,target=/dev/shm/pyml/cache \
    . /dev/shm/pyml/settings.sh && pip_install --quiet --no-compile --requirement /opt/tools/requirements.txt && \
    find /opt/pyml/venv -type d \( -name tests -o -path '*/pyarrow/include' \) -prune -exec rm -r {} +
# PySpark is linked to and the runtime is on the path, so that each of them is a layer of its own.
COPY dist-info /opt/tools/dist-info
RUN cd /opt/pyml/venv/lib/python3*/site-packages && /opt/pyml/venv/bin/python -m compileall -q -j 0 . && \
    cp -r /opt/tools/dist-info/. . && ln -s /opt/pyml/spark pyspark && echo /opt/pyml/runtime >pyml.pth

# PySpark and its Spark, as installed beside the sandbox: server and client are of one version by construction.
FROM ${PYTHON_IMAGE} AS spark
COPY pyspark /opt/pyml/spark
RUN python3 -m compileall -q -j 0 /opt/pyml/spark

FROM ${PYTHON_IMAGE} AS runtime
COPY runtime /opt/pyml/runtime
RUN python3 -m compileall -q /opt/pyml/runtime

FROM ${PYTHON_IMAGE}
RUN useradd --uid 1000 --user-group --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pyml && \
    install -d -m 0700 -o 1000 -g 1000 /var/lib/pyml /var/lib/pyml/warehouse /var/lib/pyml/metastore /run/pyml && \
    rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
COPY --from=java /opt/pyml/java /opt/pyml/java
COPY --from=packages /opt/pyml/venv /opt/pyml/venv
COPY --from=spark /opt/pyml/spark /opt/pyml/spark
COPY --chmod=0755 spark-resource.sh /opt/pyml/spark-resource
RUN --mount=type=bind,source=write_lock.py,target=/dev/shm/pyml/write_lock.py \
    /opt/pyml/venv/bin/python /dev/shm/pyml/write_lock.py >/opt/pyml/requirements.lock
COPY --from=runtime /opt/pyml/runtime /opt/pyml/runtime
ENV JAVA_HOME=/opt/pyml/java SPARK_HOME=/opt/pyml/spark PATH=/opt/pyml/venv/bin:/opt/pyml/java/bin:$PATH
USER 1000:1000
