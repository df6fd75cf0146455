"""What moto's Lambda does otherwise than AWS."""

from typing import Any

from moto.awslambda.models import LambdaBackend

from localcloud.core.cloud import Cloud


def plug_in(cloud: Cloud) -> None:
    """Correct moto's Lambda until the cloud stops."""

    def configure(backend: Any, function_name: str, config: dict[str, Any]) -> Any:
        """Let a function's later configuration of asynchronous invocations replace the earlier one.

        Upstream: LambdaBackend.put_function_event_invoke_config, which keeps the earlier one in force.
        """
        function = backend.get_function(function_name)
        function.event_invoke_config.clear()
        return put_config(backend, function_name, config)

    put_config = cloud.patch(LambdaBackend, "put_function_event_invoke_config", configure)
