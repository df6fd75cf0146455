"""The desk's work: data sets, code and jobs for SageMaker. What runs inside SageMaker is in container/."""
