"""All traps, and those that other tests cover."""

from collections.abc import Mapping, Sequence

from tests.support.trap import Trap
from tests.support.traps_of_errors import ERRORS
from tests.support.traps_of_services import SERVICES
from tests.support.traps_of_streams import STREAMS
from tests.support.traps_of_successes import SUCCESSES

TRAPS: Sequence[Trap] = (*SUCCESSES, *ERRORS, *STREAMS, *SERVICES)

TRANSPORT = "runner/transport/test_transport.py"
ATTEMPTS = "runner/engine/test_attempts.py"
PRICES = "runner/prices/test_prices.py"
MIDJOURNEY = "runner/steps/test_midjourney.py"
AUDIT = "runner/views/test_audit.py"
RESOLVE_POLL = "runner/steps/test_resolve_poll.py"
DOWNLOAD = "runner/files/test_download.py"
CONFORMANCE = "runner/endpoints/test_conformance.py"
RESIZE = "runner/files/test_resize.py"

ELSEWHERE: Mapping[int, str] = {
    29: f"{TRANSPORT}::test_pings_do_not_keep_a_stream_alive",
    40: f"{ATTEMPTS}::test_a_server_fault_is_asked_again_until_the_attempts_are_used_up",
    43: f"{PRICES}::test_every_spelling_of_usage_comes_to_its_own_cost",
    44: f"{MIDJOURNEY}::test_each_prompt_is_submitted_once_and_its_grid_is_saved",
    45: f"{AUDIT}::test_a_billed_call_that_we_took_for_free_is_found",
    48: f"{RESOLVE_POLL}::test_trouble_is_waited_out_until_the_deadline_and_costs_nothing",
    53: f"{MIDJOURNEY}::test_a_task_past_its_deadline_is_asked_after_again_by_the_next_run",
    54: f"{MIDJOURNEY}::test_a_run_that_was_killed_while_asking_goes_on_without_a_submit",
    62: f"{DOWNLOAD}::test_the_address_goes_out_byte_for_byte",
    63: f"{CONFORMANCE}::test_no_model_is_built_in",
    64: f"{RESIZE}::test_quality_goes_before_pixels",
    68: f"{PRICES}::test_price_lists_of_all_shapes_say_the_same",
}
"""Traps that need more than an answer: a clock, a kill, an address."""
