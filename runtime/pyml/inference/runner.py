"""The runner that both paths call: a loaded model behind the type rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import PredictError, UsageError
from pyml.inference.guest import guest
from pyml.model import Model, TensorModel
from pyml.package.model_loading import last_line_in, load_model
from pyml.package.settings import Settings
from pyml.types.conversion.row_source import RowSource
from pyml.types.frame import frame_from_arrow
from pyml.types.predictions import arrow_from_frame
from pyml.types.schema import Schema
from pyml.types.tensors import (
    Tensors,
    arrow_from_tensors,
    as_declared_tensors,
    check_outputs,
    rows_of,
    tensors_from_arrow,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.digests import Given


class Runner:
    """A loaded model.

    Args:
        model: the constructed model.
        folder: folder of its package.
        source: where the rows of :meth:`predict_arrow` come from, for the hints of an error.
    """

    def __init__(self, model: Model, folder: Path, source: RowSource = RowSource.ARROW) -> None:
        self.model = model
        self.folder = folder
        self.source = source
        self.settings = Settings.load(folder)

    @classmethod
    def load(cls, folder: Path, source: RowSource = RowSource.ARROW) -> Runner:
        """Load the model of a package.

        Args:
            folder: folder of the package.
            source: as of the class.

        Raises:
            PackageError: the package is invalid, or its code raised; lists every problem.
        """
        folder = folder.resolve()
        with guest():
            return cls(load_model(folder), folder, source)

    @property
    def inputs(self) -> Schema:
        """Declared inputs."""
        return self.model.inputs

    @property
    def outputs(self) -> Schema:
        """Declared outputs."""
        return self.model.outputs

    @property
    def is_tensor(self) -> bool:
        """True for a `TensorModel`."""
        return isinstance(self.model, TensorModel)

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Predict for the rows of a batch.

        Args:
            batch: the columns of `inputs`, by name.

        Returns:
            The columns of `outputs`, one row for each row of `batch`.

        Raises:
            InputError: the rows do not fit `inputs`.
            PredictError: the model raised.
            OutputError: the predictions do not fit `outputs`.
        """
        return self._answer(self.given(batch), batch.num_rows)

    def predict_recorded(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """Like :meth:`predict_arrow`, with a record of what `predict` got and returned (`record_columns.py`)."""
        from pyml.inference.digests import digests_of, digests_of_batch, record

        given = self.given(batch)
        seen = digests_of(given)  # before the call: a model may modify its input
        predictions = self._answer(given, batch.num_rows)
        return predictions, record(seen, digests_of_batch(predictions, self.outputs), batch.num_rows)

    def given(self, batch: pa.RecordBatch) -> Given:
        """The input of `predict` for the rows of a batch: a frame, or named tensors.

        Raises:
            InputError: the rows do not fit `inputs`.
        """
        if self.is_tensor:
            return tensors_from_arrow(batch, self.inputs, self.source)
        return frame_from_arrow(batch, self.inputs, self.source)

    def predictions(self, returned: object, rows: int) -> pa.RecordBatch:
        """Convert what `predict` returned to the columns of `outputs`.

        Args:
            returned: a frame, or named tensors.
            rows: number of rows that `predict` was given.

        Raises:
            OutputError: `returned` does not fit `outputs`.
        """
        if self.is_tensor:
            return arrow_from_tensors(check_outputs(returned, self.outputs, rows), self.outputs)
        return arrow_from_frame(returned, self.outputs, rows)

    def predict_tensors(self, tensors: Tensors) -> Tensors:
        """Predict for named tensors; only for a `TensorModel`.

        Raises:
            UsageError: the model takes frames.
            InputError, PredictError, OutputError: as :meth:`predict_arrow`.
        """
        if not self.is_tensor:
            raise UsageError(
                f"model {self.settings.name} takes a frame, not tensors", "send the rows as an Arrow stream"
            )
        given = as_declared_tensors(tensors, self.inputs, RowSource.TENSORS)
        if self._is_not_asked(rows_of(given)):
            return tensors_from_arrow(self._no_predictions(), self.outputs)
        return check_outputs(self.predict(given), self.outputs, rows_of(given))

    def predict(self, given: Given) -> object:
        """Call the model's own `predict` and return its result unchecked, also for no rows.

        Raises:
            PredictError: the model raised.
        """
        predict = self.model.predict  # type: ignore[attr-defined]  # both kinds have one, over different types
        try:
            with guest():
                return predict(given)
        except (Exception, SystemExit) as error:
            place = last_line_in(error, self.folder)
            raise PredictError(f"predict raised {type(error).__name__}: {error}{place}") from error

    def _answer(self, given: Given, rows: int) -> pa.RecordBatch:
        """The columns of `outputs` for the rows of a checked input."""
        return self._no_predictions() if self._is_not_asked(rows) else self.predictions(self.predict(given), rows)

    def _is_not_asked(self, rows: int) -> bool:
        """Whether a batch of so many rows is answered without a call of `predict`."""
        return rows == 0 and not self.model.predicts_empty

    def _no_predictions(self) -> pa.RecordBatch:
        import pyarrow as pa

        return pa.RecordBatch.from_pylist([], schema=self.outputs.arrow)
