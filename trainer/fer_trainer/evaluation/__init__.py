"""How good a saved model is, against labels and against what people voted."""

from fer_trainer.evaluation.measure import Evaluation, measure
from fer_trainer.evaluation.models import open_model, predict, read_either

__all__ = ["Evaluation", "measure", "open_model", "predict", "read_either"]
