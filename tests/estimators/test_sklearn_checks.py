"""scikit-learn's own checks of an estimator; only the one about other array libraries may skip."""

from __future__ import annotations

from unittest import SkipTest

from sklearn.utils.estimator_checks import parametrize_with_checks

from qdisc.estimators import VAE


@parametrize_with_checks([VAE()])
def test_it_is_a_scikit_learn_estimator(estimator, check):
    try:
        check(estimator)
    except SkipTest as skipped:
        assert "array_api" in str(skipped), skipped
        raise


def test_no_tag_excuses_it_from_a_check():
    tags = VAE().__sklearn_tags__()
    assert not (tags.non_deterministic or tags.no_validation or tags._skip_test)
    assert set(tags.transformer_tags.preserves_dtype) == {"float64", "float32"}
