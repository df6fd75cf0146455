"""SageMaker in the local cloud: training, tuning and transform jobs that really run, models, their registry.

Every module changes one part of moto's SageMaker, which answers requests and keeps records but runs nothing.
"""

from localcloud.core.cloud import Cloud
from localcloud.sagemaker import models, moto_fixes
from localcloud.sagemaker.kept import Models, Packages
from localcloud.sagemaker.training import service as training
from localcloud.sagemaker.transform import service as transform
from localcloud.sagemaker.tuning import service as tuning


def plug_in(cloud: Cloud) -> None:
    """Change moto's SageMaker until the cloud stops."""
    for part in (training, tuning, transform, models, moto_fixes):
        part.plug_in(cloud)
    cloud.keep("sagemaker models", Models(cloud))
    cloud.keep("sagemaker packages", Packages(cloud))
