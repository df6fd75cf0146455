"""AWS, as the functions use it: clients, and one module for each rule about a service."""
