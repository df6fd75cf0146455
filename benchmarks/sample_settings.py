"""Settings of a stack for benchmarks and tests: template.yaml's defaults, except one."""

from batch_prediction.settings import Settings

SETTINGS = Settings(
    name="digits",
    bucket="digits-bucket",
    sagemaker_role_arn="arn:aws:iam::123456789012:role/digits-SageMakerRole",
    transform_instance_type="ml.m5.large",
    max_transform_instances=4,
    region="us-east-1",
    serving_image="ray:serve-ml-sagemaker-cpu-v1",
    minimum_accuracy=0.97,
    accuracy_tolerance=0.002,
    max_images=1_000_000,
    upload_queue_url="",
    report_queue_url="",
    notifications_topic_arn="arn:aws:sns:us-east-1:123456789012:digits-notifications",
    training_instance_type="ml.g4dn.xlarge",
    transform_price_per_hour=0.0,
    wait_for_images_minutes=0,  # the template's default is an hour: a run with missing images starts at once
    wait_for_capacity_hours=24,
    max_transform_hours=6,
    spot_training=False,
    kms_key_arn="",
    subnet_ids="",
    security_group_ids="",
)
