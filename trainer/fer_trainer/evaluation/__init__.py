"""How good a saved model is, against labels and against what people voted."""

from fer_trainer.evaluation.measure import Evaluation, measure, predict

__all__ = ["Evaluation", "measure", "predict"]
