"""How a run ended, for its report. Completed is not success: the predictions are counted first."""

from typing import NamedTuple

from batch_prediction.report.predictions import Tally
from batch_prediction.runs import reason_codes
from batch_prediction.runs.decision import GiveUp, Refuse
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.runs.state import RunState


class Outcome(NamedTuple):
    """`status` of report.json, and why: a sentence and its code, both None for a completed run."""

    status: str
    reason: str | None = None
    code: str | None = None


def outcome(state: RunState, tally: Tally) -> Outcome:
    """How a run ended; `tally` counts its newest transform job's output."""
    if isinstance(state.decision, Refuse):
        return Outcome("Refused", state.decision.reason, state.decision.reason_code)
    if not state.jobs:
        why = state.gave_up or GiveUp("it gave up, and gives no reason")
        return Outcome("GaveUp", why.reason, why.reason_code)
    job = state.jobs[-1]
    status = str(job["TransformJobStatus"])
    if status == "Completed":
        if tally.problem:
            return Outcome("Failed", tally.problem, reason_codes.of_ended_job(status, None))
        return Outcome("Completed")
    reason = job.get("FailureReason") or f"the transform job is {status}, and gives no reason"
    code = reason_codes.of_ended_job(status, reason)
    if state.gave_up is None:
        return Outcome(status, reason, code)
    if state.gave_up.reason_code is not ReasonCode.UNKNOWN:
        code = state.gave_up.reason_code
    return Outcome(status, f"{reason}; no other attempt: {state.gave_up.reason}", code)
