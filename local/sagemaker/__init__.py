"""SageMaker in the local cloud: training, tuning and transform jobs that really run, models, their registry.

Every module changes one part of moto's SageMaker, which answers requests and keeps records but runs nothing.
"""

from local.cloud import Cloud
from local.sagemaker import listing, models, registry, training, transform, tuning


def plug_in(cloud: Cloud) -> None:
    """Change moto's SageMaker until the cloud stops."""
    for part in (training, tuning, transform, listing, models, registry):
        part.plug_in(cloud)
