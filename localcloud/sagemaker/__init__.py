"""SageMaker: training, tuning and transform jobs, models and the model registry."""
