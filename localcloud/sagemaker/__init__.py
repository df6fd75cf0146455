"""SageMaker in the local cloud: training, tuning and transform jobs that really run, models, their registry.

Every module changes one part of moto's SageMaker, which answers requests and keeps records but runs nothing.
"""

from localcloud.core.cloud import Cloud
from localcloud.sagemaker import listing, models, registry
from localcloud.sagemaker.training import service as training_service
from localcloud.sagemaker.transform import service as transform_service
from localcloud.sagemaker.tuning import service as tuning_service


def plug_in(cloud: Cloud) -> None:
    """Change moto's SageMaker until the cloud stops."""
    for part in (training_service, tuning_service, transform_service, listing, models, registry):
        part.plug_in(cloud)
