"""The model list shows whether a gateway is there and accepts the key (real server)."""

import pytest

from runner.engine.health import ModelListHealth, health
from runner.secret import Secret
from runner.transport.client import GatewayClient, Target
from tests.support.fault_server import FaultServer, Play, answer, playing

KEY = Secret("sk-canary-4b7f1e9c2d8a6053")


@pytest.mark.parametrize(
    ("play", "found"),
    [
        (playing(answer(b'{"data": []}')), ModelListHealth.GOOD),
        (playing(answer(b"{}", status="404 X")), ModelListHealth.GOOD),
        (playing(answer(b"{}", status="429 X")), ModelListHealth.GOOD),
        (playing(answer(b"{}", status="401 X")), ModelListHealth.KEY),
        (playing(answer(b"{}", status="403 X")), ModelListHealth.KEY),
        (playing(answer(b"{}", status="502 X")), ModelListHealth.GONE),
        (playing(answer(b"", status="302 X")), ModelListHealth.GONE),
        (playing(answer(b" <html>log in here</html>")), ModelListHealth.GONE),
        (playing(b"", end="reset"), ModelListHealth.GONE),
    ],
)
async def test_the_answer_to_the_model_list_decides(play: Play, found: ModelListHealth) -> None:
    async with (
        FaultServer(play) as server,
        GatewayClient(Target(base_url=server.url, key=KEY), in_flight=1) as client,
    ):
        assert await health(client) is found
        assert [one.method for one in server.seen[:1]] == ["GET"]
