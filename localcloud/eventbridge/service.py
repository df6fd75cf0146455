"""EventBridge in the local cloud: one thread routes all events, one fires scheduled rules."""

from moto.events.models import EventsBackend

from localcloud.core.cloud import Cloud
from localcloud.eventbridge import moto_fixes, schedules
from localcloud.eventbridge.kept import Events
from localcloud.eventbridge.router import Router, put_events


def plug_in(cloud: Cloud) -> None:
    """Route the events that services and PutEvents send, and fire scheduled rules."""
    moto_fixes.plug_in(cloud)
    cloud.keep("events", Events(cloud))
    cloud.patch(EventsBackend, "put_events", lambda _backend, events: put_events(cloud, events))
    cloud.spawn(Router(cloud).run, "events")
    cloud.spawn(schedules.Clock(cloud).run, "schedules")
