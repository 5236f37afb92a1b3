"""Training LightGBM boosters with early stopping on a validation part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm

_COMMON = {
    "objective": "binary",
    "metric": "binary_logloss",
    "max_bin": 127,
    "lambda_l2": 1.0,
    # Equal models on any number of threads.
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def train_booster(
    train: tuple[NDArray[np.float32], NDArray[Any], NDArray[np.floating]],
    valid: tuple[NDArray[np.float32], NDArray[Any], NDArray[np.floating]],
    settings: Mapping[str, Any],
    threads: int,
    **over: Any,
) -> lightgbm.Booster:
    """Train until the validation part's log loss has not fallen for ``early_stopping`` rounds; the best round is kept.

    Parameters
    ----------
    train, valid
        (features (n, F), labels (n,), weights (n,)).
    settings
        The section ``train``.
    over
        LightGBM parameters that replace those of ``settings``.
    """
    import lightgbm

    parameters = {
        **_COMMON,
        "learning_rate": settings["learning_rate"],
        "num_leaves": settings["leaves"],
        "min_data_in_leaf": settings["min_leaf"],
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": settings["seed"],
        "num_threads": threads,
        **over,
    }
    data = lightgbm.Dataset(train[0], train[1], weight=train[2], free_raw_data=True)
    held = lightgbm.Dataset(valid[0], valid[1], weight=valid[2], reference=data, free_raw_data=True)
    booster = lightgbm.train(
        parameters,
        data,
        num_boost_round=settings["rounds"],
        valid_sets=[held],
        callbacks=[lightgbm.early_stopping(settings["early_stopping"], verbose=False)],
    )
    # Without the rounds after the best one, and without the one parameter that bears on no result.
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    return lightgbm.Booster(model_str=text.replace(f"[num_threads: {threads}]", "[num_threads: 0]"))
