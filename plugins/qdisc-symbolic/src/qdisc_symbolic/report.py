"""What a formula is worth, in words and as numbers of a result file."""

from __future__ import annotations

from collections.abc import Sequence

from qdisc_symbolic.evaluate import Evaluation

LONGEST = 50_000  # bytes of text that an attribute of a result file can hold, with a margin
CHANCE = 0.95  # random coefficients that tell the settings apart this well prove that it is easy


def overall(evaluation: Evaluation | None) -> dict[str, float]:
    """The scores by name."""
    assert evaluation is not None, "both sides of a target have settings"
    return {
        "auc": evaluation.auc,
        "auc_shots": evaluation.auc_shots,
        "balanced_accuracy": evaluation.balanced_accuracy,
        "auc_random": evaluation.baseline.auc,
    }


def sentence(name: str, evaluation: Evaluation | None, formula: str, converged: bool) -> str:
    """One line: what the formula is, how well it does, and beside what."""
    scores = overall(evaluation)
    words = f"{name}: {formula}; {beside_chance(scores['auc'], scores['auc_random'])}"
    return words if converged else f"{words}; NOT converged"


def beside_chance(auc: float, auc_random: float) -> str:
    """A score beside that of random coefficients."""
    words = f"held-out AUC {auc:.3f}, random coefficients {auc_random:.3f}"
    return f"{words}: nearly any formula tells these apart" if auc_random >= CHANCE else words


def texts(name: str, lines: Sequence[str]) -> dict[str, object]:
    """Lines as one attribute; formulas too long for a file are left to their coefficients."""
    text = "\n".join(lines)
    return {name: text} if len(text.encode()) <= LONGEST else {}
