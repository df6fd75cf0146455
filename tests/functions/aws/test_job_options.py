"""Tags, keys and networks of jobs and models."""

import pytest

from batch_prediction.aws import job_options

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"


def test_what_costs_something_is_tagged_with_the_stacks_name() -> None:
    """One tag, by which a bill tells stacks apart."""
    assert job_options.cost_tags("digits") == [{"Key": "digit-batch", "Value": "digits"}]


@pytest.mark.parametrize(
    "kind", ["m5.large", "m5n.xlarge", "c5.9xlarge", "p3.2xlarge", "t3.medium", "inf2.xlarge"]
)
def test_disks_of_an_instance_without_its_own_are_encrypted_with_the_key(kind: str) -> None:
    """They are volumes, which SageMaker makes; without a key they have AWS's."""
    assert job_options.volume_key(KEY, f"ml.{kind}") == KEY
    assert job_options.volume_key("", f"ml.{kind}") is None


OWN = (
    "g4dn.xlarge g5.xlarge g6e.xlarge gr6.4xlarge p4d.24xlarge p5.48xlarge p3dn.24xlarge m5d.large c6id.large"
)


@pytest.mark.parametrize("kind", f"{OWN} c6id.large r5dn.large m6gd.large trn1.2xlarge".split())
def test_no_key_is_given_for_disks_that_are_encrypted_in_hardware(kind: str) -> None:
    """SageMaker refuses a request that gives one."""
    assert job_options.volume_key(KEY, f"ml.{kind}") is None


def test_a_network_has_subnets_and_groups() -> None:
    """Both are lists; without either there is no network."""
    assert job_options.vpc("", "") is None
    assert job_options.vpc("subnet-1,subnet-2", "sg-1,sg-2") == {
        "Subnets": ["subnet-1", "subnet-2"],
        "SecurityGroupIds": ["sg-1", "sg-2"],
    }


@pytest.mark.parametrize(("subnets", "groups"), [("subnet-1", ""), ("", "sg-1")])
def test_half_a_network_is_refused(subnets: str, groups: str) -> None:
    """Jobs outside the VPC, where somebody wanted them inside, would be worse than none."""
    with pytest.raises(ValueError, match=f"expected both or neither, found {subnets!r} and {groups!r}"):
        job_options.vpc(subnets, groups)
