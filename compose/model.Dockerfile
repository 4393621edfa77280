# One model version: the base image, and on it, in the order in which they change, Debian packages, Python packages,
# parameters and code. So an edit of model.py builds one small layer.
#
# Built by pyml_sandbox/drivers/container/images/model_image.py. pip, caches, wheels, certificates and passwords are mounted below /dev/shm while a
# step runs, so a layer holds what the step installed and nothing else. Python packages that the base has and that fit are
# kept; a layer holds only the others. A project among the requirements is built where it lies: writes there are dropped.
ARG BASE_IMAGE=pyml-base:latest

FROM ${BASE_IMAGE} AS tools
USER root
RUN /opt/pyml/venv/bin/python -m venv /opt/tools

FROM ${BASE_IMAGE}
USER root
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=bind,source=packages.txt,target=/dev/shm/pyml/packages.txt \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt,mode=0444 \
    --mount=type=tmpfs,target=/var/lib/apt/lists --mount=type=tmpfs,target=/var/cache/apt \
    . /dev/shm/pyml/settings.sh && if [ -s /dev/shm/pyml/packages.txt ]; then \
        echo 'installing packages.txt' && apt_update && apt_install $(cat /dev/shm/pyml/packages.txt) && \
        rm -rf /var/log/apt /var/log/*.log /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old; \
    fi
RUN --mount=type=bind,source=build-settings.sh,target=/dev/shm/pyml/settings.sh \
    --mount=type=bind,source=write_lock.py,target=/dev/shm/pyml/write_lock.py \
    --mount=type=bind,source=requirements,target=/dev/shm/pyml/requirements,rw \
    --mount=type=bind,source=wheels,target=/dev/shm/pyml/wheels \
    --mount=type=bind,from=tools,source=/opt/tools,target=/dev/shm/pyml/tools \
    --mount=type=secret,id=ca,target=/dev/shm/pyml/ca.crt \
    --mount=type=secret,id=pip,target=/dev/shm/pyml/pip.sh \
    --mount=type=cache,id=pyml-pip,target=/dev/shm/pyml/cache \
    . /dev/shm/pyml/settings.sh && echo 'installing requirements.txt' && cd /dev/shm/pyml/requirements && \
    if [ -d .pyml/hashed ]; then (cd .pyml/hashed && pip_install --no-deps --requirement requirements.txt); fi && \
    pip_install --requirement .pyml/runtime.txt --requirement requirements.txt --constraint .pyml/constraints.txt && \
    /opt/pyml/venv/bin/python ../write_lock.py >/opt/pyml/requirements.lock
COPY --chmod=0755 python /opt/pyml/python
COPY parameters /opt/pyml/model/parameters
COPY code /opt/pyml/model
USER 1000:1000
