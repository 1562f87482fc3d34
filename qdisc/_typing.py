"""Names for the array types that appear in signatures.

Importing this module starts no jax: `Array` is resolved lazily by type checkers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import jax

    ArrayLike: TypeAlias = jax.Array | npt.ArrayLike
    Key: TypeAlias = jax.Array
else:
    ArrayLike = Any
    Key = Any

FloatArray: TypeAlias = npt.NDArray[np.floating]
SparseArray: TypeAlias = Any  # scipy.sparse.csr_array; type checkers cannot follow its shapes
IntArray: TypeAlias = npt.NDArray[np.integer]
DataType: TypeAlias = Literal["discrete", "continuous", "hybrid", "shadow"]
DATA_TYPES: tuple[DataType, ...] = ("discrete", "continuous", "hybrid", "shadow")
