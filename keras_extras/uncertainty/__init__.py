"""How sure is a model? Monte-Carlo dropout, and whether probabilities are honest."""

from keras_extras.uncertainty.mc_predict import mc_predict
from keras_extras.uncertainty.mc_prediction import MCPrediction
