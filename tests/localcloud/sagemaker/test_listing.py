"""Listings of jobs."""

from datetime import timedelta

from tests.localcloud.sagemaker.sagemaker_account import Account, unique


def test_jobs_are_filtered_before_they_are_paged(account: Account) -> None:
    """A page is full of the requested jobs, though others exist; the newest come first."""
    part = unique("wanted")
    model = account.model()
    names = [f"{part}-{number}" for number in range(3)]
    for name in names:
        account.transform(model, {"a": "1\n"}, TransformJobName=name)
        account.transform(model, {})
    listing = {"NameContains": part, "StatusEquals": "Completed", "MaxResults": 2}
    first = account.sagemaker.list_transform_jobs(**listing)
    second = account.sagemaker.list_transform_jobs(**listing, NextToken=first["NextToken"])
    found = [[job["TransformJobName"] for job in page["TransformJobSummaries"]] for page in (first, second)]
    assert found == [names[:0:-1], names[:1]]
    assert "NextToken" not in second
    page = account.sagemaker.list_transform_jobs(StatusEquals="Failed", MaxResults=1)
    (failed,) = page["TransformJobSummaries"]
    assert failed["FailureReason"].startswith("ClientError: No S3 objects")
    assert failed["TransformEndTime"] >= failed["CreationTime"]


def test_jobs_are_listed_by_age_and_order(account: Account) -> None:
    """Creation times bound a listing of training jobs, and SortBy and SortOrder set its order."""
    part = unique("aged")
    first, second = (account.train("pass", TrainingJobName=f"{part}-{letter}") for letter in "ba")
    ask = account.sagemaker.list_training_jobs

    def names(**more: object) -> list[str]:
        return [job["TrainingJobName"] for job in ask(NameContains=part, **more)["TrainingJobSummaries"]]

    assert names() == [f"{part}-b", f"{part}-a"]
    assert names(SortBy="Name") == [f"{part}-a", f"{part}-b"]
    assert names(SortOrder="Descending") == [f"{part}-a", f"{part}-b"]
    second_long = timedelta(seconds=1)  # boto3 sends whole seconds
    assert names(CreationTimeAfter=first["CreationTime"] - second_long) == names()
    assert names(CreationTimeAfter=second["CreationTime"] + second_long) == []
    assert names(CreationTimeBefore=second["CreationTime"] + 2 * second_long) == names()
    assert names(CreationTimeBefore=first["CreationTime"]) == []
