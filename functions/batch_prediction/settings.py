"""The stack's settings, as template.yaml passes them to every function."""

import os
from dataclasses import dataclass, fields
from typing import get_type_hints


def _switch(text: str) -> bool:
    """Read a parameter whose AllowedValues are 'true' and 'false'."""
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_READ = {bool: _switch}  # parsers for fields whose type can't parse text itself


@dataclass(frozen=True)
class Settings:
    """One field an environment variable, of the same name in capitals (template.yaml, Globals)."""

    name: str  # the stack's short name: its model package group, and the prefix of its jobs and models
    bucket: str
    region: str
    sagemaker_role_arn: str
    transform_instance_type: str
    max_transform_instances: int
    serving_image: str  # repository:tag
    minimum_accuracy: float  # test accuracy, 0 to 1
    accuracy_tolerance: float  # validation accuracy, 0 to 1
    max_images: int  # manifest lines of one batch
    upload_queue_url: str
    report_queue_url: str
    notifications_topic_arn: str
    training_instance_type: str  # of the final training jobs
    transform_price_per_hour: float  # of one instance, in USD; 0 takes the table of spending.py
    wait_for_images_minutes: float  # from a manifest's arrival
    wait_for_capacity_hours: float  # from the first request that was refused
    max_transform_hours: float  # from a transform job's creation
    spot_training: bool  # whether they use managed spot training
    kms_key_arn: str  # of the customer's key; empty for AWS's own
    subnet_ids: str  # of the VPC that jobs run in, separated by commas; empty for none
    security_group_ids: str  # likewise

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings; ValueError names every variable that is missing or has the wrong form."""
        types = get_type_hints(cls)
        values, wrong = {}, []
        for field in fields(cls):
            variable = field.name.upper()
            try:
                values[field.name] = _READ.get(types[field.name], types[field.name])(os.environ[variable])
            except KeyError:
                wrong.append(f"{variable} is not set")
            except ValueError:
                wrong.append(
                    f"{variable}: expected {types[field.name].__name__}, found {os.environ[variable]!r}"
                )
        if wrong:
            raise ValueError(f"environment of this function (template.yaml, Globals): {'; '.join(wrong)}")
        return cls(**values)
