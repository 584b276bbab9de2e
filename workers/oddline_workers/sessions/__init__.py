"""Sessions: the training of a model on a kept dataset, and the scores of all its rows."""
