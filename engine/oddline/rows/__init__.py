"""Models of tables whose rows have no order: each row is judged by itself, by its numbers and categories.

:func:`fit_rows` learns a :class:`RowModel` from columns with missing values and texts among them.
:class:`RowForest` and :class:`RowScatter` are the scikit-learn estimators inside, for plain numbers.
"""

from __future__ import annotations

from oddline.rows.base import RowDetector
from oddline.rows.distance import RowScatter
from oddline.rows.encoding import IMPUTATIONS, KINDS
from oddline.rows.forest import RowForest
from oddline.rows.model import RowModel, fit_rows

__all__ = ["IMPUTATIONS", "KINDS", "RowDetector", "RowForest", "RowModel", "RowScatter", "fit_rows"]
