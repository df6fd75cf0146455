"""No test sees the AWS settings of the shell that it runs in: moto reads a profile when it is imported."""

import os

from hypothesis import HealthCheck, settings

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

# Drawing examples takes its time on a busy machine; that says nothing about what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
