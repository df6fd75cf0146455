"""The resource types that the local cloud supports, and every property that it keeps or may ignore.

A type or property that is not listed would be dropped without a word, so deploying it is an error.
Properties that only matter to AWS itself (tags, descriptions, tracing) are listed too: nothing reads them.
"""

RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
)

SUPPORTED: dict[str, frozenset[str]] = {
    kind: frozenset(properties.split())
    for kind, properties in {
        "AWS::CloudWatch::Alarm": (
            "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm "
            "Dimensions EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName Metrics "
            "Namespace OKActions Period Statistic Tags Threshold TreatMissingData Unit"
        ),
        "AWS::Events::Rule": "Description EventBusName EventPattern Name ScheduleExpression State Targets",
        "AWS::IAM::Role": (
            "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path "
            "PermissionsBoundary Policies RoleName Tags"
        ),
        "AWS::Lambda::EventInvokeConfig": (
            "DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier"
        ),
        "AWS::Lambda::EventSourceMapping": (
            "BatchSize Enabled EventSourceArn FunctionName FunctionResponseTypes "
            "MaximumBatchingWindowInSeconds ScalingConfig Tags"
        ),
        "AWS::Lambda::Function": (
            "Architectures Code Description Environment EphemeralStorage FunctionName Handler LoggingConfig "
            "MemorySize PackageType RecursiveLoop Role Runtime Tags Timeout TracingConfig"
        ),
        "AWS::Lambda::Permission": "Action FunctionName Principal SourceAccount SourceArn",
        "AWS::Logs::LogGroup": "KmsKeyId LogGroupName RetentionInDays Tags",
        "AWS::S3::Bucket": (
            "BucketEncryption BucketName LifecycleConfiguration LoggingConfiguration "
            "NotificationConfiguration OwnershipControls PublicAccessBlockConfiguration Tags "
            "VersioningConfiguration"
        ),
        "AWS::S3::BucketPolicy": "Bucket PolicyDocument",
        "AWS::SNS::Subscription": (
            "Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery TopicArn"
        ),
        "AWS::SNS::Topic": "DisplayName KmsMasterKeyId Subscription Tags TopicName",
        "AWS::SNS::TopicPolicy": "PolicyDocument Topics",
        "AWS::SQS::Queue": (
            "DelaySeconds KmsDataKeyReusePeriodSeconds KmsMasterKeyId MaximumMessageSize "
            "MessageRetentionPeriod QueueName ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy "
            "SqsManagedSseEnabled Tags VisibilityTimeout"
        ),
        "AWS::SQS::QueuePolicy": "PolicyDocument Queues",
        "AWS::SageMaker::ModelPackageGroup": (
            "ModelPackageGroupDescription ModelPackageGroupName ModelPackageGroupPolicy Tags"
        ),
    }.items()
}
