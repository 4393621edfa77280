"""The model of `online.py` as each peer wants it written: the programs that its environment runs, and its offline jobs."""

from __future__ import annotations

_PREDICT = """
import numpy as np
import pandas as pd

COLUMNS = [f"x{at}" for at in range(10)]
WEIGHTS = np.linspace(-1, 1, len(COLUMNS))


def predict_frame(frame):
    return pd.DataFrame({"p": 1 / (1 + np.exp(-(frame.to_numpy() @ WEIGHTS)))})

"""

MLSERVER = f"""{_PREDICT}
from mlserver import MLModel
from mlserver.codecs import PandasCodec


class Logistic(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        frame = self.decode_request(payload, default_codec=PandasCodec)
        return self.encode_response(predict_frame(frame), default_codec=PandasCodec)
"""

MLFLOW_MODEL = f"""{_PREDICT}
import mlflow
from mlflow.pyfunc import PythonModel


class Logistic(PythonModel):
    def predict(self, context, model_input, params=None):
        return predict_frame(model_input)


mlflow.models.set_model(Logistic())
"""

MLFLOW_SAVE = """
import sys
import mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

inputs = Schema([ColSpec(DataType.double, f"x{at}") for at in range(10)])
outputs = Schema([ColSpec(DataType.double, "p")])
mlflow.pyfunc.save_model(
    sys.argv[2], python_model=sys.argv[1], signature=ModelSignature(inputs, outputs), pip_requirements=["mlflow"]
)
"""

MOSEC = f"""{_PREDICT}
import pyarrow as pa
from mosec import Server, Worker


class Logistic(Worker):
    def deserialize(self, data):
        return pa.ipc.open_stream(data).read_pandas()

    def serialize(self, data):
        batch = pa.RecordBatch.from_pandas(data, preserve_index=False)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()

    def forward(self, data):
        return predict_frame(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Logistic, num=1)
    server.run()
"""

FASTAPI = f"""{_PREDICT}
import orjson
from fastapi import FastAPI, Request, Response

app = FastAPI(openapi_url=None)


@app.post("/predict")
async def predict(request: Request):
    body = orjson.loads(await request.body())
    frame = pd.DataFrame(np.array([body[name] for name in COLUMNS]).T, columns=COLUMNS, copy=False)
    found = {{"p": predict_frame(frame)["p"].to_numpy()}}
    return Response(orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
"""

KSERVE = f"""{_PREDICT}
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_response


class Logistic(Model):
    def load(self):
        self.ready = True
        return True

    def predict(self, payload, headers=None, response_headers=None):
        # as_dataframe of kserve 0.21 takes raw tensors for no rows.
        frame = pd.DataFrame({{each.name: each.as_numpy() for each in payload.inputs}})
        return get_predict_response(payload, predict_frame(frame), self.name)


if __name__ == "__main__":
    model = Logistic("logistic")
    model.load()
    ModelServer().start([model])
"""

_JOB = """
import json
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

address, workers, query, table, *rest = sys.argv[1:]


def run(predicted):
    started = time.perf_counter()
    spark = SparkSession.builder.remote(address).getOrCreate()
    spark.conf.set("spark.sql.execution.pyspark.python", workers)
    predicted(spark, spark.sql(query)).write.format("parquet").mode("overwrite").saveAsTable(table)
    spark.stop()
    print(json.dumps(time.perf_counter() - started))

"""
"""`workers` is the interpreter of Spark's Python workers; what is timed is what `Client.predict_offline` does: no imports."""

HAND_JOB = f"""{_PREDICT}{_JOB}
import pyarrow as pa


def predict(batches):
    for batch in batches:
        found = predict_frame(batch.select(COLUMNS).to_pandas())
        yield pa.RecordBatch.from_arrays([batch.column("id"), pa.array(found["p"].to_numpy())], names=["id", "p"])


run(lambda spark, rows: rows.mapInArrow(predict, "id BIGINT, p DOUBLE"))
"""

UDF_JOB = f"""{_JOB}
import mlflow.pyfunc


def predicted(spark, rows):
    predict = mlflow.pyfunc.spark_udf(spark, rest[0], result_type="double", env_manager="local")
    return rows.select("id", predict(F.struct(*(f"x{{at}}" for at in range(10)))).alias("p"))


run(predicted)
"""
