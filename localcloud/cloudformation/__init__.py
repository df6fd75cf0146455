"""CloudFormation: stacks, change sets, and the Serverless transform."""
