# Sourced by each RUN that fetches something: how this machine reaches package indexes and mirrors.
#
# Everything it reads is mounted below /dev/shm, which is memory: neither a file nor an empty mount point of it stays in a layer.
set -eu
mounted=/dev/shm/pyml

export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
export PIP_CACHE_DIR="$mounted/cache" PIP_PROGRESS_BAR=off
apt_options="-qq -o Dpkg::Use-Pty=0 -o Acquire::Languages=none"

if [ -s "$mounted/pip.sh" ]; then # index settings, with passwords
    . "$mounted/pip.sh"
fi
if [ -s "$mounted/ca.crt" ]; then # certificates that are to be trusted
    export PIP_CERT="$mounted/ca.crt" SSL_CERT_FILE="$mounted/ca.crt"
    export REQUESTS_CA_BUNDLE="$mounted/ca.crt" CURL_CA_BUNDLE="$mounted/ca.crt"
    apt_options="$apt_options -o Acquire::https::CAInfo=$mounted/ca.crt"
fi
if [ -n "$(ls "$mounted/wheels" 2>/dev/null)" ]; then # a folder of wheels takes the place of every index
    unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$mounted/wheels"
fi

apt_update() {
    apt-get $apt_options update
}

apt_install() {
    apt-get $apt_options install --yes --no-install-recommends "$@" >/dev/null
}

# Into the environment of the image, with a pip that is not part of it. pip writes that there is a conflict as an error and what
# it is as information; in one stream, since an engine may hand on the lines of two in any order.
pip_install() {
    "$mounted/tools/bin/python" -m pip --python /opt/pyml/venv/bin/python install --no-warn-script-location "$@" 2>&1
}
