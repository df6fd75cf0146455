"""SageMaker in the local cloud: training and batch transform jobs that really run, models and their registry.

Every module changes one part of moto's SageMaker, which answers requests and keeps records but runs nothing.
"""

from local.cloud import Cloud
from local.sagemaker import listing, models, registry, training, transform


def plug_in(cloud: Cloud) -> None:
    """Change moto's SageMaker until the cloud stops."""
    for part in (training, transform, listing, models, registry):
        part.plug_in(cloud)
