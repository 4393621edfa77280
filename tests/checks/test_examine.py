"""From a model to its causes, with the harness in this process: each fault is named, and correct models have none."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from pyml.inference.describe import Signature
from pyml.types.schema import Schema
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.checks import statefulness
from pyml_sandbox.parity.checks.statefulness import StateChecks
from pyml_sandbox.parity.diagnosis.rules import Diagnosis, diagnose
from pyml_sandbox.parity.examine import examine, open_context
from pyml_sandbox.parity.observations.catalogue import Check
from support.harnesses import BuilderOfProcesses, Source, harnesses_of

A = [1.5, 2.25, 3.5, 0.75, 9.1, 4.4, 6.3, 2.9]
B = [1.5, None, 3.5, 0.75, 9.1, None, 6.3, 2.9]
K = [3, 4, 5, 9, 12, 7, 8, 21]
S = ["bus", "car", "tram", "bus", "car", "bike", "tram", "bus"]
T = [datetime(2024, 1, 15, hour, 30, tzinfo=UTC) for hour in range(2, 10)]
P = "p DOUBLE NOT NULL"


def of_a(predict: str, load: str = "pass", top: str = "") -> Source:
    return Source("a DOUBLE NOT NULL", P, predict, {"a": A}, load, top)


def of_b(predict: str, outputs: str = P, load: str = "pass") -> Source:
    return Source("b DOUBLE", outputs, predict, {"b": B}, load)


def of_s(predict: str, outputs: str = P, null: str = " NOT NULL", texts: list[str] = S, top: str = "") -> Source:
    return Source(f"s STRING{null}", outputs, predict, {"s": texts}, top=top)


def of_k(predict: str, outputs: str = P, values: list[int] = K, number: str = "int(v)") -> Source:
    """Types inferred from values: a null makes floats of all integers."""
    again = f"again = pd.DataFrame([{{'k': None if pd.isna(v) else {number}}} for v in frame.k], columns=['k'])"
    return Source("k BIGINT", outputs, f"{again}\n{predict}", {"k": values})


BROKEN = {
    "B1 z-score": of_a("return pd.DataFrame({'p': (frame.a - frame.a.mean()) / (1 + frame.a.std(ddof=0))})"),
    "B2 median fill": of_b("return pd.DataFrame({'p': frame.b.fillna(frame.b.median()).fillna(0.0).astype('float64')})"),
    "B3 category codes": of_s(
        "return pd.DataFrame({'p': frame.s.astype('category').cat.codes.astype('int64')})", "p BIGINT NOT NULL"
    ),
    "B3 categories that a library takes the codes of": of_s(
        "codes = booster(frame.s.astype('category'))\n"
        "return pd.DataFrame({'p': np.array([3.0, -1.0, 4.5, 0.5, 2.0, 7.0, 1.0])[codes % 7]})",
        top="import sys, types\nlibrary = types.ModuleType('library')\n"
        "exec(compile('def booster(s):\\n    if not len(s):\\n        raise ValueError(0)\\n    return s.cat.codes.to_numpy()',"
        " '/lib/booster.py', 'exec'), library.__dict__)\nbooster = library.booster",
    ),
    "B3 categories of integers": Source(
        "k BIGINT NOT NULL",
        P,
        "codes = frame[['k']].astype({'k': 'category'}).k.cat.codes.to_numpy()\n"
        "return pd.DataFrame({'p': np.array([3.0, -1.0, 4.5, 0.5, 2.0, 7.0, 1.0])[codes % 7]})",
        {"k": K},
    ),
    "B4 dummies": of_s(
        "d = pd.get_dummies(frame.s)\n"
        "d['more'] = d.iloc[:, 0]  # no column, no first one\n"
        "return pd.DataFrame({'p': d.to_numpy('float64') @ np.arange(1.0, d.shape[1] + 1)})"
    ),
    "B5 rank": of_a("return pd.DataFrame({'p': frame.a.rank(pct=True)})"),
    "B6 cumulative sum": of_a("return pd.DataFrame({'p': frame.a.cumsum()})"),
    "B7 index": of_a("return pd.DataFrame({'p': frame.a + 10.0 * frame.index.to_numpy()})"),
    "B8 squeeze": of_a("return pd.DataFrame({'p': np.squeeze(frame.a.to_numpy() * 2)})"),
    "B9 pad to the longest": Source(
        "x ARRAY<DOUBLE> NOT NULL",
        P,
        "width = max([len(x) for x in frame.x], default=1) or 1\n"
        "return pd.DataFrame({'p': [sum(v or 0.0 for v in x if v == v) / width for x in frame.x]}, dtype='float64')",
        {"x": [[a, a + 1, a * a] for a in A]},
    ),
    "B12 empty": of_a(
        "first = frame.a.iloc[0]\nreturn pd.DataFrame({'p': frame.a * 2})", "type(self).predicts_empty = True"
    ),
    "B5 quantile of many": Source(
        "a DOUBLE NOT NULL", P,
        "top = np.quantile(frame.a, 0.9) if len(frame) >= 16 else 37.0\nreturn pd.DataFrame({'p': frame.a.clip(upper=top)})",
        {"a": [float(number) for number in range(40)]},
    ),
    "B13 gaps filled from the row before": of_b("return pd.DataFrame({'p': frame.b.ffill().fillna(-1.0).astype('float64')})"),
    "B13 the last known value": of_a(
        "last, found = 0.0, []\nfor a in frame.a:\n    found.append(a - last)\n    last = a\nreturn pd.DataFrame({'p': found}, dtype='float64')"
    ),
    "B14 share of the batch": of_a("return pd.DataFrame({'p': frame.a / frame.a.sum()})"),
    "R5 by an id": Source(
        "k BIGINT NOT NULL, a DOUBLE NOT NULL", P,
        "return pd.DataFrame({'p': frame.k.map(dict(zip(frame.k, frame.a * 2))).astype('float64')})",
        {"k": [1, 2, 3, 1, 5, 2, 7, 8], "a": A},
    ),
    "T18 width by the batch": Source(
        "k BIGINT NOT NULL", "p BIGINT NOT NULL",
        "n = pd.to_numeric(frame.k, downcast='integer')\nreturn pd.DataFrame({'p': (n * n).astype('int64')})", {"k": [30, 40, 50, 70_000, 12, 70, 80, 21]},
    ),
    "T12 first entry of a map": Source(
        "m MAP<STRING, DOUBLE> NOT NULL", P,
        "return pd.DataFrame({'p': [next(iter(dict(m).values()), 0.0) or 0.0 for m in frame.m]}, dtype='float64')",
        {"m": [{"x": a, "y": 2 * a} for a in A]},
    ),
    "P1 after an error": of_b(
        "if self.bad:\n    frame = frame + 1\nself.bad = True\nif frame.b.isna().any():\n    raise ValueError('null')\nself.bad = False\nreturn pd.DataFrame({'p': frame.b.astype('float64')})", load="self.bad = False"
    ),
    "D4 the number of CPUs": of_a("import os\nreturn pd.DataFrame({'p': frame.a * os.cpu_count()})"),
    "R1 drop": of_b("return pd.DataFrame({'p': frame.b.dropna().astype('float64').to_numpy()})"),
    "R2 drop and pad": of_b(
        "kept = frame.b.dropna().tolist()\n"
        "return pd.DataFrame({'p': np.array(kept + [0.0] * (len(frame) - len(kept)), dtype='float64')})"
    ),
    "R3 sort": of_a("return pd.DataFrame({'p': np.sort(frame.a.to_numpy())})"),
    "T2 large integers": of_k(
        "return pd.DataFrame({'q': again.k.astype('Int64')})", "q BIGINT", [2**53 + 2 * k + 1 for k in K]
    ),
    "T1 integers alone": of_k(
        "return pd.DataFrame({'p': [float(again.select_dtypes('int').shape[1])] * len(frame)}, dtype='float64')"
    ),
    "T3 number as text": of_k(
        "known = {'3': 1.0, '4': 2.0, '5': 4.0, '9': 8.0}\n"
        "return pd.DataFrame({'p': [known.get(str(v), 0.0) for v in again.k]}, dtype='float64')",
        number="v",
    ),
    "T4 None or NaN": of_b(
        "again = pd.DataFrame([{'b': None if v is pd.NA else v} for v in frame.b], columns=['b'])\n"
        "return pd.DataFrame({'p': [-1.0 if v is None else float(v) for v in again.b]}, dtype='float64')"
    ),
    "T5 NaN or null": of_b(
        "return pd.DataFrame({'q': frame.b if len(frame) == 1 else frame.b.astype('float64')})", "q DOUBLE"
    ),
    "T6 width at a threshold": of_a(
        "a = frame.a if len(frame) == 1 else frame.a.astype('float32').astype('float64')\n"
        "return pd.DataFrame({'p': (a < 2.3).astype('float64')})"
    ),
    "T7 decimal": Source(
        "d DECIMAL(10, 2) NOT NULL",
        P,
        "d = frame.d if len(frame) == 1 else frame.d.map(float)\n"
        "return pd.DataFrame({'p': [float(round(v, 1)) for v in d]}, dtype='float64')",
        {"d": [Decimal(text) for text in ("0.15", "0.45", "0.35", "0.65", "1.15", "2.45")]},
    ),
    "T9 guessed numbers": of_s(
        "try:\n    s = pd.to_numeric(frame.s).astype('float64').astype(str)\nexcept ValueError:\n    s = frame.s\n"
        "return pd.DataFrame({'q': s.astype(object)})",
        "q STRING NOT NULL",
        texts=["007", "012", "3", "040", "5"],
    ),
    "T10 naive hours": Source(
        "t TIMESTAMP NOT NULL",
        P,
        "t = frame.t if len(frame) == 1 else frame.t - pd.Timedelta(hours=5)\n"
        "return pd.DataFrame({'p': t.dt.hour.astype('float64')})",
        {"t": T},
    ),
    "T14 zero or missing": of_b(
        "b = frame.b if len(frame) == 1 else frame.b.replace(0.0, pd.NA)\n"
        "return pd.DataFrame({'p': b.isna().astype('float64')})"
    ),
    "T15 empty or null": of_s(
        "s = [v if len(frame) == 1 else (v or None) for v in frame.s]\n"
        "return pd.DataFrame({'p': [-1.0 if v is None else float(len(v)) for v in s]}, dtype='float64')",
        null="",
    ),
    "T16 type by batch": Source(
        "k BIGINT", "q BIGINT", "return pd.DataFrame({'q': frame.k.astype('float64' if frame.k.isna().any() else 'int64')})", {"k": K}
    ),
    "T17 rounded text": Source(
        "a DOUBLE NOT NULL",
        P,
        "a = frame.a if len(frame) == 1 else frame.a.map(lambda v: float(f'{v:.4g}'))\n"
        "return pd.DataFrame({'p': a * 3})",
        {"a": [each + 0.0123456 for each in A]},
    ),
    "T17 through JSON, which keeps ten decimals": Source(
        "a DOUBLE NOT NULL",
        P,
        "from io import StringIO\n"
        "x = frame if len(frame) == 1 else pd.read_json(StringIO(frame.to_json(orient='records')), orient='records')\n"
        "return pd.DataFrame({'p': np.log10(x.a.astype('float64').clip(lower=1e-12))})",
        {"a": [each * 2.31234567e-8 for each in A]},
    ),
    "S1 by position": Source(
        "a DOUBLE NOT NULL, c DOUBLE NOT NULL",
        P,
        "x = frame if len(frame) == 1 else frame[['c', 'a']]\n"
        "return pd.DataFrame({'p': 2 * x.iloc[:, 0] + 3 * x.iloc[:, 1]})",
        {"a": A, "c": [3 * a + 0.5 for a in A[::-1]]},
    ),
    "D1 chance": of_a("return pd.DataFrame({'p': frame.a + np.random.random(len(frame))})"),
    "D1 chance of its own": of_a(
        "return pd.DataFrame({'p': frame.a + self.random.random(len(frame))})", "self.random = np.random.default_rng()"
    ),
    "D2 clock": of_a("import time\nreturn pd.DataFrame({'p': frame.a + time.time_ns() % 1000003})"),
    "D2 date": of_a("import datetime\nreturn pd.DataFrame({'p': frame.a * datetime.date.today().year})"),
    "D4 threads": of_a("import os\nreturn pd.DataFrame({'p': frame.a * int(os.environ['OMP_NUM_THREADS'])})"),
    "P1 counter": of_a("self.calls += 1\nreturn pd.DataFrame({'p': frame.a + self.calls})", "self.calls = 0"),
    "P1 small calls filled up with rows of the call before": of_a(
        "rows = (self.waiting + frame.a.tolist())[-max(len(frame), 4):]\nself.waiting = frame.a.tolist()[-3:]\n"
        "return pd.DataFrame({'p': rows[:len(frame)]}, dtype='float64')",
        "self.waiting = []",
    ),
    "P2 fitted on the first": of_a(
        "if self.mean is None:\n    self.mean = frame.a.mean()\nreturn pd.DataFrame({'p': frame.a - self.mean})",
        "self.mean = None",
    ),
    "B1 z-score in the given frame": of_a(
        "frame['a'] = (frame.a - frame.a.mean()) / (1 + frame.a.std(ddof=0))\nreturn pd.DataFrame({'p': frame.a})"
    ),
    "B2 median fill in the given frame": of_b(
        "frame['b'] = frame.b.fillna(frame.b.median()).fillna(0.0)\nreturn pd.DataFrame({'p': frame.b.astype('float64')})"
    ),
    "B3 category codes in the given frame": of_s(
        "frame['s'] = frame.s.astype('category').cat.codes.astype('int64')\nreturn pd.DataFrame({'p': frame.s})",
        "p BIGINT NOT NULL",
    ),
    "P3 twice over the given frame": of_a(
        "def price():\n    frame['a'] *= 2.5\n    return frame.a.copy()\n"
        "p = price()\nreturn pd.DataFrame({'p': price() if (p > 20).any() else p})"
    ),
    "S5 a declared null": of_b(
        "if frame.b.isna().any():\n    raise ValueError('null')\nreturn pd.DataFrame({'p': frame.b.astype('float64')})"
    ),
    "P3 mutation": of_a("frame['a'] = frame.a * 2\nreturn pd.DataFrame({'p': frame.a.copy()})"),
    "P5 cache by length": of_a(
        "return pd.DataFrame({'p': self.known.setdefault(len(frame), frame.a * 2)})", "self.known = {}"
    ),
    "E1 versions": of_a(
        "return pd.DataFrame({'p': frame.a * 2})", top="import warnings\nwarnings.warn('trying to unpickle version 1.0')"
    ),
    "E2 working directory": of_a("open('model.py').close()\nreturn pd.DataFrame({'p': frame.a * 2})"),
    "E2 working directory while loading": of_a("return pd.DataFrame({'p': frame.a * 2})", "open('model.py').close()"),
    "E3 variable": of_a("import os\nreturn pd.DataFrame({'p': frame.a * float(os.environ.get('MODE') == '1')})"),
    "E4 training": of_a(
        "noise = np.random.random(len(frame)) if self.layer.training else 0.0\nreturn pd.DataFrame({'p': frame.a + noise})",
        "self.layer = Layer()",
        "class Layer:\n    def __init__(self):\n        self.training = True",
    ),
    "E4 training by the batch": of_a(
        "shift = frame.a.mean() if self.layer.training else 5.0\nreturn pd.DataFrame({'p': frame.a - shift})",
        "self.layer = Layer()",
        "class Layer:\n    def __init__(self):\n        self.training = True",
    ),
    "T11 local time": of_a(
        "from datetime import datetime\n"
        "return pd.DataFrame({'p': [float(datetime.fromtimestamp(3600).hour)] * len(frame)}, dtype='float64')"
    ),
    "T6 a limit of float32": Source(
        "f FLOAT NOT NULL",
        P,
        "limit = 3.9 if len(frame) == 1 else np.float32(3.9)\n"
        "return pd.DataFrame({'p': (frame.f.astype('float64') > limit).astype('float64')})",
        {"f": A},
    ),
    "T17 an echo that is off by one ulp": of_a(
        "return pd.DataFrame({'p': frame.a if len(frame) == 1 else np.where(frame.a == 0.7, np.nextafter(0.7, 1), frame.a)})"
    ),
    "B1 the number of rows": of_a("return pd.DataFrame({'p': frame.a / max(len(frame), 1)})"),
    "B3 codes of integers": Source(
        "k BIGINT NOT NULL",
        P,
        "return pd.DataFrame({'p': np.unique(frame.k.to_numpy('int64'), return_inverse=True)[1].astype('float64')})",
        {"k": K},
    ),
    "B4 dummies by position": of_s(
        "d = pd.get_dummies(frame.s).to_numpy('float64')[:, :4]\n"
        "return pd.DataFrame({'p': d @ np.array([0.2, 0.7, 1.1, 2.0])[:d.shape[1]]})"
    ),
    "B5 flags of the top": Source(
        "a DOUBLE NOT NULL",
        "p BOOLEAN NOT NULL",
        "return pd.DataFrame({'p': frame.a > np.median(frame.a) if len(frame) else frame.a > 0})",
        {"a": A},
    ),
    "B5 clipped at a quantile": of_a("return pd.DataFrame({'p': frame.a.clip(upper=frame.a.quantile(0.95))})"),
    "B9 counted in words": of_s(
        "w = [s.split() for s in frame.s]\nn = max(map(len, w), default=1) or 1\n"
        "return pd.DataFrame({'p': [sum(map(len, each)) / n for each in w]}, dtype='float64')",
        texts=["good", "very good indeed", "a b c", "so so", "one two three four"],
    ),
    "B9 cut to the shortest": of_s(
        "n = min((len(s) for s in frame.s), default=0)\n"
        "return pd.DataFrame({'p': [float(sum(map(ord, s[:n]))) for s in frame.s]}, dtype='float64')"
    ),
    "R1 duplicates": of_a("return pd.DataFrame({'p': frame.a.drop_duplicates() * 2})"),
    "S2 a lookup with a default": Source(
        "a DOUBLE NOT NULL, c DOUBLE NOT NULL",
        P,
        "x = frame if len(frame) == 1 else frame[['a']]\nreturn pd.DataFrame({'p': x['a'] + x.get('c', 0.0)})",
        {"a": A, "c": [3 * a for a in A]},
    ),
    "S3 a lookup in lower case": Source(
        "a DOUBLE NOT NULL, Fare DOUBLE NOT NULL",
        P,
        "x = frame if len(frame) == 1 else frame.rename(columns=str.lower)\n"
        "return pd.DataFrame({'p': x['a'] + x.get('Fare', 0.0)})",
        {"a": A, "Fare": [3 * a for a in A]},
    ),
    "T7 rounded by two rules": Source(
        "d DECIMAL(10, 2) NOT NULL",
        "q DECIMAL(10, 1) NOT NULL",
        "if len(frame) == 1:\n    return pd.DataFrame({'q': [frame.d[0].quantize(Decimal('0.1'), ROUND_HALF_UP)]})\n"
        "return pd.DataFrame({'q': [Decimal(f'{float(d):.1f}') for d in frame.d]}, dtype=object)",
        {"d": [Decimal(text) for text in ("0.25", "0.45", "0.35", "0.65", "1.15", "2.45")]},
        top="from decimal import ROUND_HALF_UP, Decimal",
    ),
    "T9 read again from CSV": of_s(
        "from io import StringIO\nagain = pd.read_csv(StringIO(frame.to_csv(index=False)))\n"
        "return pd.DataFrame({'p': [float(len(str(s))) for s in again.s]}, dtype='float64')",
        texts=["00123", "00456", "A1234", "00789", "B12", "01111"],
    ),
    "T13 categories that are filled": of_s(
        "known = ['bike', 'bus', 'car', 'tram']\n"
        "s = frame.s.where(frame.s.isin(known)).astype(pd.CategoricalDtype(known))\n"
        "s = s.astype(object).where(s.notna(), 'other').str.len() if s.isna().any() else s.cat.codes\n"
        "return pd.DataFrame({'p': s.astype('float64')})"
    ),
    "P2 a scaler that refuses infinities": of_a(
        "if not np.isfinite(frame.a).all():\n    raise ValueError('infinite')\n"
        "if self.mean is None and len(frame):\n    self.mean = frame.a.mean()\n"
        "return pd.DataFrame({'p': frame.a - (self.mean or 0.0)})",
        "self.mean = None",
    ),
    "P5 cache by a rounded key": Source(
        "a DOUBLE NOT NULL, c DOUBLE NOT NULL",
        P,
        "known = [self.known.setdefault(round(a, 1), a + c) for a, c in zip(frame.a, frame.c)]\n"
        "return pd.DataFrame({'p': known}, dtype='float64')",
        {"a": A, "c": A[::-1]},
        "self.known = {}",
    ),
}  # fmt: skip

HONEST = {
    "linear": Source(
        "a DOUBLE NOT NULL, b DOUBLE, k BIGINT",
        P,
        "x = np.column_stack([frame.a, frame.b.fillna(4.0).astype('float64'), frame.k.fillna(0).astype('float64')])\n"
        "return pd.DataFrame({'p': np.nan_to_num(x) @ np.array([0.3, 0.7, 0.1])})",
        {"a": A, "b": B, "k": K},
    ),
    "network in float32": Source(
        "a DOUBLE NOT NULL, c DOUBLE NOT NULL",
        P,
        "x = np.nan_to_num(np.column_stack([frame.a, frame.c])).clip(-50, 50).astype('float32')\n"
        "h = np.tanh(x @ np.linspace(-1, 1, 128, dtype='float32').reshape(2, 64))\n"
        "return pd.DataFrame({'p': (h @ np.linspace(1, 2, 64, dtype='float32')).astype('float64')})",
        {"a": A, "c": [a / 7 for a in A]},
    ),
    "categories that are stored": of_s(
        "return pd.DataFrame({'p': pd.Categorical(frame.s, ['bus', 'car']).codes.astype('float64')})", null=""
    ),
    "instants in a named zone": Source(
        "t TIMESTAMP",
        "h DOUBLE",
        "hours = frame.t.dt.tz_convert('Asia/Kathmandu').dt.hour\nreturn pd.DataFrame({'h': hours.astype('Float64')})",
        {"t": T},
    ),
    "float32 everywhere": of_a(
        "return pd.DataFrame({'p': (frame.a.astype('float32') < np.float32(2.3)).astype('float64')})"
    ),
    "digest of a text": of_s(
        "import zlib\nreturn pd.DataFrame({'p': [zlib.crc32((v or '').encode()) / 7 for v in frame.s]}, dtype='float64')",
        null="",
    ),
    "threshold in float64": of_a("return pd.DataFrame({'p': (frame.a < 2.3).astype('float64')})"),
    "nested": Source(
        "x ARRAY<DOUBLE>, m MAP<STRING, BIGINT>, r STRUCT<n: INT, s: STRING>, d DECIMAL(10, 2)",
        "x ARRAY<DOUBLE>, m MAP<STRING, BIGINT>, r STRUCT<n: INT, s: STRING>, d DECIMAL(10, 2)",
        "return frame.copy()",
        {
            "x": [[a, None] for a in A],
            "m": [{"a": k, "b": None} for k in K],
            "r": [{"n": k, "s": None} for k in K],
            "d": [Decimal(k) for k in K],
        },
    ),
    "plain types as they came": Source(
        "i INT, l BIGINT, f FLOAT, d DOUBLE, s STRING, y BINARY, o BOOLEAN, e DATE, t TIMESTAMP, n TIMESTAMP_NTZ",
        "i INT, l BIGINT, f FLOAT, d DOUBLE, s STRING, y BINARY, o BOOLEAN, e DATE, t TIMESTAMP, n TIMESTAMP_NTZ",
        "return frame.copy()",
        {
            "i": K, "l": K, "f": B, "d": B, "s": S, "y": [s.encode() for s in S], "o": [True, None] * 4,
            "e": [t.date() for t in T], "t": T, "n": [t.replace(tzinfo=None) for t in T],
        },
    ),
}  # fmt: skip


def causes_of(source: Source, folder: Path) -> list[Diagnosis]:
    with source.context(folder) as context:
        return diagnose(examine(context).observations)


@pytest.mark.parametrize("name", BROKEN)
def test_a_model_with_one_fault_is_diagnosed_with_it_first(name: str, tmp_path: Path) -> None:
    found = causes_of(BROKEN[name], tmp_path)
    assert [each.code for each in found][:1] == [name.split()[0]]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_model_has_none(name: str, tmp_path: Path) -> None:
    assert causes_of(HONEST[name], tmp_path) == []


def test_two_faults_in_two_columns_are_both_named_with_what_drives_them(tmp_path: Path) -> None:
    source = Source(
        "a DOUBLE NOT NULL, s STRING NOT NULL",
        "p DOUBLE NOT NULL, q BIGINT NOT NULL",
        "return pd.DataFrame({'p': frame.a - frame.a.mean(), 'q': frame.s.astype('category').cat.codes.astype('int64')})",
        {"a": A, "s": S},
    )
    found = causes_of(source, tmp_path)
    assert [(each.code, each.outputs, each.inputs) for each in found] == [
        ("B1", ("p",), ("a",)),
        ("B3", ("q",), ("s",)),
    ]


def test_a_model_that_differs_from_itself_is_asked_nothing_further(tmp_path: Path) -> None:
    with BROKEN["D1 chance"].context(tmp_path) as context:
        assert {observation.check for observation in examine(context).observations} == {"repeat", "seeded"}


def test_a_model_that_remembers_is_not_asked_about_batches(tmp_path: Path) -> None:
    with BROKEN["P2 fitted on the first"].context(tmp_path) as context:
        assert {observation.check for observation in examine(context).observations} == {"same-size", "first-batch"}


def test_the_noise_of_an_honest_model_is_measured(tmp_path: Path) -> None:
    with HONEST["network in float32"].context(tmp_path) as context:
        found = examine(context)
        assert found.observations == ()
        assert 0 < found.context.noise_model.floor["p"] < 1e-3
        assert found.context.noise.rows == len(A)
        assert len(found.context.alone) == len(found.context.all_input_rows)
        assert context.noise_model.floor == {}


def test_each_example_of_an_observation_shows_its_difference_again(tmp_path: Path) -> None:
    with BROKEN["B1 z-score"].context(tmp_path) as context:
        cases = [case for observation in examine(context).observations for case in observation.examples]
        for case in cases:
            left, right = context.calls([case.reference.rows, case.other.rows])
            assert case.output in context.differing(left[case.reference.target], right[case.other.target])
        assert len(cases) > 5


WAITING = """
end = time.time() + 0.002
while time.time() < end:
    pass
return pd.DataFrame({"p": frame["a"] + (time.time() % 1 if NOISY else 0.0)})
"""


@pytest.mark.parametrize("is_noisy", [False, True])
def test_no_check_stops_the_clock_that_a_model_waits_for(
    is_noisy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statefulness, "WAITING_S", 1.0)
    source = Source("a DOUBLE", "p DOUBLE", WAITING, {"a": [1.0, 2.0]}, top=f"import time\nNOISY = {is_noisy}")
    harnesses = harnesses_of(source.write(tmp_path), BuilderOfProcesses())
    signature = Signature("frame", Schema(source.inputs), Schema(source.outputs))
    rows = source.full_batch
    with open_context(harnesses, signature, rows, rows, 1000, Tolerances()) as context:
        observations = StateChecks(context).observations()
    checks = {observation.check for observation in observations}
    assert checks == ({Check.REPEAT} if is_noisy else set())
    assert Check.FROZEN_CLOCK not in context.record.made
