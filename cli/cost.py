"""`digits cost`: what batches cost a month, before or after a deployment."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from batch_prediction.runs.cost import CURRENCY, price_per_hour
from cli import stack as stacks
from cli.cost_estimate import IMAGES_A_SECOND, START_UP, Batches, Line, estimate
from cli.errors import CommandError

DEFAULTS = {  # template.yaml's
    "TransformInstanceType": "ml.m5.large",
    "TransformPricePerHour": "0",
    "MaxTransformInstances": "4",
    "Architecture": "x86_64",
}


def cost(
    images: Annotated[int, typer.Option(help="Images of a batch.", min=1)] = 10_000,
    batches: Annotated[int, typer.Option("--batches-a-month", help="Batches a month.", min=0)] = 30,
    stack_name: Annotated[
        str | None,
        typer.Option(
            "--stack", help="Take instance type, price and processor from a deployed stack.", metavar="NAME"
        ),
    ] = None,
    instance_type: Annotated[
        str | None,
        typer.Option(help="Of the transform jobs; by default the stack's, or ml.m5.large.", metavar="TYPE"),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            "--price-per-hour", help=f"{CURRENCY} of one instance, where no table has it.", min=0.0001
        ),
    ] = None,
    images_a_second: Annotated[
        float,
        typer.Option(
            "--images-per-second", help="Of one instance: after a batch, its report says.", min=0.001
        ),
    ] = IMAGES_A_SECOND,
    image_bytes: Annotated[int, typer.Option(help="Average size of an image file.", min=1)] = 300,
    months_kept: Annotated[int, typer.Option(help="Months for which batches stay in S3.", min=1)] = 1,
    archive: Annotated[bool, typer.Option(help="Each batch is one zip, or its images are loose.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Estimate what batches cost a month: instances, requests, functions, storage.

    AWS isn't asked unless --stack names a stack. Prices are on-demand ones of
    us-east-1 without free tiers, each with its source. Uploading the images is
    in it, training isn't.
    """
    parameters = DEFAULTS
    if stack_name:
        stack = stacks.find(stack_name)
        parameters = {name: stack.parameter(name) for name in DEFAULTS}
    instance_type = instance_type or parameters["TransformInstanceType"]
    of_stack = instance_type == parameters["TransformInstanceType"]  # TransformPricePerHour is of this type
    hourly = price_per_hour(
        instance_type, price or (float(parameters["TransformPricePerHour"]) if of_stack else 0.0)
    )
    if hourly is None:
        raise CommandError(
            f"{instance_type}: expected an instance type whose price is known, found none in the table. Give "
            "the price of an hour with --price-per-hour (https://aws.amazon.com/sagemaker/pricing/)"
        )
    asked = Batches(
        images,
        batches,
        hourly,
        instances(images, int(parameters["MaxTransformInstances"])),
        images_a_second,
        image_bytes,
        months_kept,
        parameters["Architecture"],
        archive,
    )
    lines = estimate(asked)
    if as_json:
        typer.echo(json.dumps(_for_programs(asked, instance_type, lines), indent=2))
    else:
        _print(Console(), asked, instance_type, lines)


def instances(images: int, most: int) -> int:
    """How many instances a batch of so many images gets, by the parameter MaxTransformInstances."""
    from batch_prediction.runs.transform_job import (
        IMAGES_PER_INSTANCE,  # its dependencies are missing in the environment that only downloads data sets
    )

    return min(most, -(-images // IMAGES_PER_INSTANCE))


def _for_programs(asked: Batches, instance_type: str, lines: list[Line]) -> dict[str, object]:
    return {
        "currency": CURRENCY,
        "asked": asdict(asked) | {"instance_type": instance_type},
        "lines": [asdict(line) for line in lines],
        "month": round(sum(line.month for line in lines), 2),
    }


def _print(console: Console, asked: Batches, instance_type: str, lines: list[Line]) -> None:
    title = (
        f"{asked.batches:,} batches a month of {asked.images:,} images, "
        f"each on {asked.instances} × {instance_type}"
    )
    table = Table(
        "what",
        "of a batch",
        f"price, {CURRENCY}",
        title=title,
        title_justify="left",
        box=None,  # a million images fit into 80 columns without it
        padding=(0, 2, 0, 0),
    )
    table.add_column(f"{CURRENCY} a month", justify="right")
    for line in lines:
        table.add_row(line.what, line.quantity, line.price, f"{line.month:,.2f}")
    table.add_row("[bold]all[/bold]", "", "", f"[bold]{sum(line.month for line in lines):,.2f}[/bold]")
    console.print(table)
    console.print(
        f"Assumed: an instance reads {asked.images_a_second:g} images a second (after a batch, its report "
        f"says: images by seconds of computing), and {START_UP:g} s are billed before the first. Prices are "
        "on-demand ones of us-east-1, without free tiers and taxes; training isn't in it.",
        highlight=False,
    )
    for source in dict.fromkeys(line.source for line in lines):
        names = ", ".join(line.what for line in lines if line.source == source)
        console.print(f"{names}: {source}", highlight=False, soft_wrap=True)
