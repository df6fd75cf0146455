"""CloudFormation in the local cloud: its own engine of stacks and change sets around moto's records."""

from localcloud.cloudformation import custom_types, moto_fixes
from localcloud.cloudformation.change_sets import ChangeSets
from localcloud.cloudformation.kept import Names
from localcloud.cloudformation.stacks import StackEngine
from localcloud.core.cloud import Cloud


def plug_in(cloud: Cloud) -> None:
    """Replace moto's stack operations and register the resource types that it lacks."""
    custom_types.register()
    cloud.keep("cloudformation", Names(cloud))
    moto_fixes.plug_in(cloud)
    ChangeSets(cloud, StackEngine(cloud))
