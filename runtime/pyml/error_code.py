"""Stable codes of what went wrong, for programs; docs/reference/errors.md explains each."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The codes of errors and problems. Messages may be reworded, codes stay.

    The codes of the first block are general: an error has the code of its class if no narrower one is known.
    """

    ERROR = "error"
    SCHEMA = "schema"
    PACKAGE = "package"
    SETTINGS = "settings"
    INPUT = "input"
    OUTPUT = "output"
    PREDICT_RAISED = "predict-raised"
    USAGE = "usage"
    SETUP = "setup"
    SANDBOX = "sandbox"
    SERVICE_FAILED = "service-failed"
    NOT_READY = "not-ready"
    ENGINE = "engine"
    JOB = "job"
    ONLINE = "online"
    BUG = "bug"

    COLUMN_MISSING = "column-missing"
    COLUMN_REPEATED = "column-repeated"
    COLUMN_UNDECLARED = "column-undeclared"
    COLUMN_TYPE = "column-type"
    COLUMN_VALUE = "column-value"
    COLUMN_NULL = "column-null"
    TENSOR_TYPE = "tensor-type"
    TENSOR_SHAPE = "tensor-shape"
    ROW_COUNT = "row-count"
    CANNOT_CARRY = "cannot-carry"

    MODEL_UNKNOWN = "model-unknown"
    VERSION_AMBIGUOUS = "version-ambiguous"
    UPLOAD_GONE = "upload-gone"
    UPLOAD_DAMAGED = "upload-damaged"

    SERVER_STARTING = "server-starting"
    SERVER_DOWN = "server-down"
    SERVER_DIED = "server-died"
    QUEUE_FULL = "queue-full"
    REQUEST_TOO_LARGE = "request-too-large"
    GATEWAY_DOWN = "gateway-down"
    DEADLINE = "deadline"
    GRPC = "grpc"

    QUERY = "query"
    KEY = "key"
    JOB_CANCELLED = "job-cancelled"
    SPARK_GONE = "spark-gone"
    METASTORE_GONE = "metastore-gone"
    ROWS_LOST = "rows-lost"
    WORKER_DIED = "worker-died"
    NO_ROWS = "no-rows"
    TABLE_EXISTS = "table-exists"
    TABLE_MISSING = "table-missing"
    TARGET = "target"

    PROOF = "proof"
    REGISTRY = "registry"

    NO_SANDBOX = "no-sandbox"
    SANDBOX_DOWN = "sandbox-down"
    SANDBOX_BUSY = "sandbox-busy"
    PORT_TAKEN = "port-taken"
    DISK_FULL = "disk-full"
    NOT_WRITABLE = "not-writable"
    OUT_OF_MEMORY = "out-of-memory"
    INTERRUPTED = "interrupted"
