"""The model of `online.py` as each peer wants it written: the programs that its environment runs."""

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
