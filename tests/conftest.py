"""No test sees the AWS settings of the shell that it runs in: moto reads a profile when it is imported."""

import os

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
