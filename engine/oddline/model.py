"""What was learnt once, to score other rows with: whole tables, or block by block."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddline import catalog
from oddline.catalog import PARAMETERS, Spec
from oddline.errors import ParameterError
from oddline.inputs import as_source
from oddline.pipelines import Pipeline
from oddline.prepare import prepare
from oddline.progress import Progress, silent
from oddline.reading import read
from oddline.result import Detection
from oddline.scored import Past, Scored
from oddline.stages import Stages
from oddline.stream import Stream
from oddline.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Model"]

Floats = NDArray[np.float64]

FREE = frozenset(
    {
        "labeling_method",
        "labeling_threshold",
        "observation_window",
        "prediction_type",
        "recent_data",
        "repair",
        "time_column",
        "time_format",
    }
)
"""What may still be chosen when rows are scored; all else was settled when the model learnt."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A fitted pipeline, the columns it knows, and the scores of what it learnt from.

    Made by :func:`oddline.fit` or :func:`oddline.load`.

    Attributes
    ----------
    pipeline : Pipeline
        Fitted.
    spec : Spec
        The parameters it was fitted with.
    columns : tuple of str, length d
        The columns it learnt from, in this order.
    units : tuple of int, length d
        Column j is judged in units of 2^units[j]; 0 but for numbers beyond 1e100.
    past : ndarray (p,)
        The scores of what was learnt from, in order of time: label lines are drawn from them.
    past_single : ndarray (p,) or None
        Those of single rows, for lines that move, where the pipeline smooths.
    """

    pipeline: Pipeline
    spec: Spec
    columns: tuple[str, ...]
    units: tuple[int, ...]
    past: Floats
    past_single: Floats | None = None

    def __repr__(self) -> str:
        kind = self.spec.algorithm_type
        if self.spec.anomaly_estimator != "Default":
            kind += f" {self.spec.anomaly_estimator}"
        names = ", ".join(self.columns[:3]) + (", …" if len(self.columns) > 3 else "")
        rows, window = len(self.past), self.pipeline.lookback_
        return f"Model({kind}, look-back {window}, learnt from {rows:,} rows of {names})"

    def score(
        self,
        table: Table | pd.DataFrame | pd.Series[Any] | ArrayLike | str | os.PathLike[str] | bytes,
        progress: Progress = silent,
        *,
        past: Any = None,
        **parameters: Any,
    ) -> Detection:
        """Score and label every row of another table. Nothing is learnt from it.

        Parameters
        ----------
        table : Table, DataFrame, Series, array, list of numbers, path or bytes
            As for :func:`oddline.detect`, with the columns of the model. Any number of rows.
        progress : callable, optional
        past : like ``table``, optional
            The rows just before it: its first scores look back at them. Without them rows whose
            scores would need some are scored from what there is and not judged.
        **parameters
            Label method, its threshold and window, the reading of the table and how many recent
            rows are wanted (:data:`FREE`); else as the model was fitted.

        Returns
        -------
        Detection
            The line is drawn from the scores of what was learnt from.

        Raises
        ------
        DataError
            A column of the model is missing, or cannot be read.
        ParameterError
            A parameter is unknown, out of its range, or settled since the fit.
        """
        spec = self._spec(parameters)
        stage = Stages(progress)
        stage("inspection")
        read_table = read(self._named(table), replace(spec, target_columns=self.columns))
        stage("sampling")
        series = prepare(read_table, spec.repair, least=1, units=self.units)
        stage("scores")
        values = series.values
        if past is not None:
            before = prepare(read(self._named(past), replace(spec, target_columns=self.columns)), least=1)
            values = np.concatenate([before.values[-self.pipeline.context_ :], values])
        raw = self.pipeline.anomaly_score(values, stage.inner())[-len(series.values) :]
        single = self.past if self.past_single is None else self.past_single
        scored = Scored(table, read_table, series, self.pipeline, values, raw, Past(self.past, single))
        return scored.judge(spec, stage)

    def stream(self, past: ArrayLike | None = None) -> Stream:
        """Score rows as they come, block by block; see :class:`oddline.stream.Stream`."""
        return Stream(self.pipeline, past)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file; see :func:`oddline.persist.save`."""
        from oddline.persist import save

        save(self, path)

    def _named(self, source: Any) -> Any:
        """Numbers without names of columns take those of the model."""
        if isinstance(source, Table):
            return source
        source, columns = as_source(source)
        if columns is not None and len(columns) == len(self.columns):
            source = source.set_axis(list(self.columns), axis=1)
        return source

    def _spec(self, parameters: dict[str, Any]) -> Spec:
        parameters = catalog.named(parameters)
        for name in parameters:
            if name in PARAMETERS and name not in FREE:
                raise ParameterError(
                    f"{name} was settled when the model learnt ({getattr(self.spec, name)!r}); fit "
                    "another model to change it.",
                    parameter=name,
                )
        settled = {"train_rows": None, "target_columns": self.columns}
        return catalog.check({**asdict(self.spec), **settled, **parameters})
