"""Values transformed column by column, as scikit-learn transformers."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from oddline.errors import ParameterError
from oddline.operators.scaling import Scale, fit_scale, robust_scale
from oddline.operators.transforms import YeoJohnson, fit_yeo_johnson

__all__ = ["PowerTransform", "Scaling", "Transformer"]

Floats = NDArray[np.float64]


class Transformer(TransformerMixin, BaseEstimator):
    """Rows in time order in, as many rows out; a transformer writes ``_learn`` and ``_apply``."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn from X (n, d): finite, rows in time order."""
        self._learn(self._values(X, reset=True))
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """The transform of X (n, d), n rows."""
        check_is_fitted(self)
        return self._apply(self._values(X, reset=False))

    def _values(self, X: ArrayLike, reset: bool) -> Floats:
        values: Floats = validate_data(self, X, reset=reset, dtype=np.float64, order="C")
        return values

    def _learn(self, values: Floats) -> None:
        """Learn from values (n, d); nothing by default."""

    @abstractmethod
    def _apply(self, values: Floats) -> Floats:
        """The transform of values (n, d)."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


class Scaling(Transformer):
    """Brings columns to one scale; a constant column becomes 0.

    Parameters
    ----------
    robust : bool, default False
        By median and 1.4826·MAD instead of mean and standard deviation, so that a few wild rows
        do not set the unit.

    Examples
    --------
    >>> Scaling().fit_transform([[0.0], [2.0]]).ravel()
    array([-1.,  1.])
    """

    def __init__(self, *, robust: bool = False) -> None:
        self.robust = robust

    def _learn(self, values: Floats) -> None:
        self.scale_: Scale = fit_scale(values)
        if self.robust:
            center, width = np.array([robust_scale(column) for column in values.T]).T
            self.scale_ = Scale(center, np.where(width > 0, width, 1.0))

    def _apply(self, values: Floats) -> Floats:
        return self.scale_.apply(values)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """The values whose transform is X (n, d)."""
        check_is_fitted(self)
        return np.asarray(X, dtype=float) * self.scale_.width + self.scale_.center


class PowerTransform(Transformer):
    """Takes the skew out of each column by the power of largest normal likelihood, after scaling.

    Notes
    -----
    O(n·d); the power is found on up to 2,000 values of a column.

    References
    ----------
    Yeo & Johnson (2000), doi:10.1093/biomet/87.4.954.

    Examples
    --------
    >>> skewed = np.exp(np.linspace(0, 4, 200))[:, None]
    >>> PowerTransform().fit(skewed).powers_[0].power < 0.5
    True
    """

    def _learn(self, values: Floats) -> None:
        self.scale_: Scale = fit_scale(values)
        self.powers_: list[YeoJohnson] = [
            fit_yeo_johnson(column, float(center), float(width))
            for column, center, width in zip(values.T, self.scale_.center, self.scale_.width, strict=True)
        ]

    def _apply(self, values: Floats) -> Floats:
        return np.column_stack([p.apply(c) for p, c in zip(self.powers_, values.T, strict=True)])

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """The values whose transform is X (n, d), as far as the transform reaches."""
        check_is_fitted(self)
        columns = np.asarray(X, dtype=float).T
        return np.column_stack([p.undo(c) for p, c in zip(self.powers_, columns, strict=True)])


def whole(name: str, value: object, least: int) -> int:
    """The value if it is a whole number of at least ``least``; else a ParameterError."""
    if not isinstance(value, int | np.integer) or value < least:
        raise ParameterError(f"{name}={value!r}; expected a whole number of at least {least}", parameter=name)
    return int(value)
