"""What the registry knows of the endpoints without importing them is true."""

import pytest

from runner.endpoints.fields import describe
from runner.endpoints.registry import COLUMNS, ENDPOINTS, NAMES, sharing_endpoints


@pytest.mark.parametrize("name", NAMES)
def test_the_registry_lists_the_columns_of_each_endpoint(name: str) -> None:
    assert COLUMNS[name].split() == [field.name for field in describe(ENDPOINTS[name].inputs)]


def test_the_registry_names_every_endpoint_whose_rows_share_a_call() -> None:
    sharing = tuple(name for name, found in ENDPOINTS.items() if found.sharing is not None)
    assert sharing_endpoints() == sharing
