"""All traps, and those that are set elsewhere."""

from collections.abc import Mapping, Sequence

from trap import Trap
from traps_of_errors import ERRORS
from traps_of_services import SERVICES
from traps_of_streams import STREAMS
from traps_of_successes import SUCCESSES

TRAPS: Sequence[Trap] = (*SUCCESSES, *ERRORS, *STREAMS, *SERVICES)

ELSEWHERE: Mapping[int, str] = {
    29: "test_transport.py::test_pings_do_not_keep_a_stream_alive",
    40: "test_attempts.py::test_a_server_fault_is_asked_again_until_the_attempts_are_used_up",
    43: "test_prices.py::test_every_spelling_of_usage_comes_to_its_own_cost",
    44: "test_midjourney.py::test_each_prompt_is_submitted_once_and_its_grid_is_saved",
    45: "test_books.py::test_a_billed_call_that_we_took_for_free_is_found",
    48: "test_tickets.py::test_trouble_is_waited_out_until_the_deadline_and_costs_nothing",
    53: "test_midjourney.py::test_a_task_past_its_deadline_is_asked_after_again_by_the_next_run",
    54: "test_midjourney.py::test_a_run_that_was_killed_while_asking_goes_on_without_a_submit",
    62: "test_download.py::test_the_address_goes_out_byte_for_byte",
    63: "test_conformance.py::test_no_model_is_built_in",
    64: "test_shrinking.py::test_quality_goes_before_pixels",
    68: "test_prices.py::test_price_lists_of_all_shapes_say_the_same",
}
"""Traps that need more than an answer: a clock, a death, an address."""
