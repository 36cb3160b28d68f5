"""How providers word requests and answers, shared by the endpoints that speak alike."""
