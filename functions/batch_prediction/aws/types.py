"""Short names for the SDK's types, for type checkers alone: the package isn't deployed.

Requests and answers are TypedDicts that are generated from the service models, as botocore checks them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef as Object
    from types_boto3_s3.type_defs import GetObjectRequestTypeDef as GetObjectRequest
    from types_boto3_s3.type_defs import ListObjectsV2RequestTypeDef as ListObjectsV2Request
    from types_boto3_s3.type_defs import PutObjectRequestTypeDef as PutObjectRequest
    from types_boto3_sagemaker import SageMakerClient
    from types_boto3_sagemaker.literals import TransformInstanceTypeType as TransformInstanceType
    from types_boto3_sagemaker.type_defs import ChannelOutputTypeDef as Channel
    from types_boto3_sagemaker.type_defs import CreateModelInputTypeDef as ModelRequest
    from types_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef as TransformJobRequest
    from types_boto3_sagemaker.type_defs import (
        DescribeHyperParameterTuningJobResponseTypeDef as TuningJobDescription,
    )
    from types_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef as ModelPackageDescription
    from types_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef as TrainingJobDescription
    from types_boto3_sagemaker.type_defs import DescribeTransformJobResponseTypeDef as TransformJobDescription
    from types_boto3_sagemaker.type_defs import (
        HyperParameterTrainingJobDefinitionOutputTypeDef as TrainingJobDefinition,
    )
    from types_boto3_sagemaker.type_defs import (
        HyperParameterTrainingJobSummaryTypeDef as TrialSummary,
    )
    from types_boto3_sagemaker.type_defs import TagTypeDef as Tag
    from types_boto3_sagemaker.type_defs import VpcConfigTypeDef as VpcConfig
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    __all__ = [
        "Channel",
        "GetObjectRequest",
        "LambdaClient",
        "ListObjectsV2Request",
        "ModelPackageDescription",
        "ModelRequest",
        "Object",
        "PutObjectRequest",
        "S3Client",
        "SNSClient",
        "SQSClient",
        "SageMakerClient",
        "Tag",
        "TrainingJobDefinition",
        "TrainingJobDescription",
        "TransformInstanceType",
        "TransformJobDescription",
        "TransformJobRequest",
        "TrialSummary",
        "TuningJobDescription",
        "VpcConfig",
    ]
