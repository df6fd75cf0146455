"""The client side of training: data sets, code and jobs. What runs inside SageMaker is in container/."""
