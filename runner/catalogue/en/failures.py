"""What failures mean and what helps, in English."""

FAILURES: dict[str, tuple[str, str]] = {
    "refused": (
        "The provider rejected the content: its rules or the model refused the request.",
        (
            "Change the words or the picture, in the sheet or in the file that this command "
            "writes; an unchanged row is rejected again."
        ),
    ),
    "refused.moderation": (
        "The provider's content check rejected the request.",
        (
            "Change the words or the picture, in the sheet or in the file that this command "
            "writes; an unchanged row is rejected again."
        ),
    ),
    "bad_input": (
        "The row cannot become a valid request: a value is missing, wrong or too large.",
        (
            "Correct the cells named in the message: in the sheet, then run it again, or in the "
            "file that this command writes."
        ),
    ),
    "bad_input.too_long": (
        "The prompt is longer than the model accepts.",
        "Shorten the cell, in the sheet or in the file that this command writes.",
    ),
    "bad_input.too_large": (
        "The request is larger than the provider accepts.",
        "Send fewer or smaller pictures, or less text.",
    ),
    "bad_input.picture_unreachable": (
        "The provider could not open the picture's address.",
        "Check that the address opens without a login, or use a local file.",
    ),
    "bad_input.image_field": (
        "The server does not know the form field that held the picture.",
        "Look up its name, then run with --set image_field=image or --set image_field=image[].",
    ),
    "bad_input.refused_line": (
        "The provider refused a whole batch because of this row's line; nothing was billed.",
        "Correct the row as the message says; the other rows went into another batch.",
    ),
    "bad_input.encoding_format": (
        "The server does not send vectors in the way that encoding_format asks for.",
        "Run with --set encoding_format=float or --set encoding_format=none.",
    ),
    "truncated": (
        "The text was cut off by a length limit. The part that came is kept.",
        "Allow more with a larger max_tokens, or ask for less.",
    ),
    "no_result": (
        "The answer is complete, but does not contain what was asked for. It was probably billed.",
        "Look at the answer; another model or a clearer prompt often helps. Then retry.",
    ),
    "no_result.no_image": (
        "The service made no picture, and says so itself. It was probably billed.",
        "A clearer prompt often helps: say that a picture is wanted. Then retry.",
    ),
    "no_result.no_picture": (
        "The answer has text but no picture. It was probably billed.",
        "Check that the model can make pictures and that the prompt asks for one. Then retry.",
    ),
    "no_result.no_scores": (
        "The answer holds no scores that belong to the row's documents. It was probably billed.",
        "Look at the answer. Then retry.",
    ),
    "no_result.no_sound": (
        "The answer is no sound. It was probably billed.",
        "Look at the answer; check that the model can speak. Then retry.",
    ),
    "no_result.no_vector": (
        "An item of the answer holds no vector of finite numbers. It was probably billed.",
        "Look at the answer. Then retry.",
    ),
    "no_result.vector_count": (
        (
            "The number of vectors in the answer differs from the number of texts. It was "
            "probably billed."
        ),
        "Send fewer texts at a time with --set rows_per_call=10. Then retry.",
    ),
    "no_result.vector_length": (
        "A vector's length differs from what was asked for. It was probably billed.",
        "Check whether the model supports dimensions. Then retry.",
    ),
    "no_result.html": (
        "The server returned a web page, not an API response. The base URL is probably wrong.",
        "Check the base URL, then retry.",
    ),
    "no_result.empty_answer": (
        "The answer is empty. It was probably billed.",
        "Retry; if it stays empty, try another model.",
    ),
    "schema": (
        "The structured answer does not match its schema. It is kept.",
        "Retry, or loosen the schema.",
    ),
    "limit": (
        "The provider's rate limit never let this row through.",
        "Lower --rpm or -c, or wait; then retry.",
    ),
    "limit.above_limit": (
        "The row alone is larger than what the provider allows in a minute.",
        "Shorten it or its max_tokens, or ask the provider for a higher limit; then retry.",
    ),
    "limit.upstream_quota": (
        "The provider's own supplier is out of quota. Your balance is not the cause.",
        "Wait, then retry; ask the provider if it persists.",
    ),
    "server": (
        "The provider failed on every attempt.",
        "Retry later; it is often temporary.",
    ),
    "server.answer_lost_upstream": (
        "The provider lost the answer on its side. It may have been billed.",
        "Retry; if it keeps happening, report it to the provider.",
    ),
    "network": (
        "The provider could not be reached, or the connection broke.",
        "Check the connection and the proxy, then retry.",
    ),
    "network.dns": (
        "The provider's host name was not found.",
        "Check the base URL and the network, then retry.",
    ),
    "network.refused": (
        "Connection refused by the provider's server.",
        "Check the base URL and its port, then retry.",
    ),
    "network.connect_timeout": (
        "The provider's server did not respond in time.",
        "Check the network and the proxy, then retry.",
    ),
    "network.tls": (
        "The TLS connection failed.",
        "Check the base URL, the clock and the proxy. A CA of your own: SSL_CERT_FILE=ca.pem",
    ),
    "network.http2_only": (
        "The provider's server supports only HTTP/2, which rowmill does not.",
        "Check the base URL and its port, or put a proxy that supports HTTP/1.1 in front.",
    ),
    "network.proxy": (
        "The proxy did not allow the connection.",
        "Check HTTPS_PROXY, ALL_PROXY or the proxy setting, then retry.",
    ),
    "network.results_gone": (
        "The result file of a provider batch is gone: the answer may have been billed.",
        "Ask the provider. To send the row again, and perhaps pay again: retry --class in_doubt.",
    ),
    "network.unreadable_line": (
        "The row's line in a provider batch's results is cut: the answer may have been billed.",
        "Ask the provider. To send the row again, and perhaps pay again: retry --class in_doubt.",
    ),
    "network.foreign_results": (
        "The provider batch that was taken for this one is another: this row's may be there, too.",
        "Look at the provider's own list of batches. To send it again: retry --class in_doubt.",
    ),
    "network.creation_lost": (
        "The creation of a provider batch got no answer: the row may be there and billed.",
        "Look at the provider's own list of batches. To send it again: retry --class in_doubt.",
    ),
    "network.batch_missing": (
        "The provider no longer knows the batch with this row: the answer may have been billed.",
        "Ask the provider. To send the row again, and perhaps pay again: retry --class in_doubt.",
    ),
    "network.missing_line": (
        "A provider batch counts more rows than its results have: the answer may have been billed.",
        "Ask the provider. To send the row again, and perhaps pay again: retry --class in_doubt.",
    ),
    "timeout": (
        "No complete answer came in time. It may have been billed.",
        "Retry when the provider is quieter, or raise timeout under [limits].",
    ),
    "file": (
        "The answer was paid for, but the download of its picture failed.",
        "Retry soon: links expire. A retry only downloads and generates nothing.",
    ),
    "file.expired": (
        "The answer was paid for, but the link to its picture has expired.",
        "Only a new generation helps: retry it with --again.",
    ),
    "file.blocked": (
        "The picture's address is not public, so it was not downloaded.",
        "If you trust the host, allow it with --allow-host; then retry. It generates nothing.",
    ),
    "file.loopback": (
        "The picture's address is on the gateway's own machine, where nobody else can fetch it.",
        "Ask whoever runs the gateway to set its public address; then retry. It generates nothing.",
    ),
    "file.not_found": (
        "The answer was paid for, but its picture is not at the given address.",
        "Retry once; if it is still missing, only a new generation with --again helps.",
    ),
    "stuck": (
        "The remote task was not ready by its deadline.",
        "Run the sheet again: it queries the task first and generates nothing.",
    ),
    "stuck.not_bought": (
        "The provider batch ended before this row was worked on; nothing was billed.",
        "Run the sheet again: it goes into another batch; --online-from sends it online.",
    ),
    "stuck.task_unknown": (
        "The provider does not know this task, with this key.",
        (
            "Was the key changed? Change it back and run again. To generate and pay again: retry "
            "--again --rows."
        ),
    ),
    "server.waits_for_parent": (
        "The row goes on from a task of another row, which is not done yet.",
        "It is sent by itself once that row is done.",
    ),
    "server.parent_failed": (
        "The row goes on from a task of another row, which has no result.",
        "Retry that row, then this one.",
    ),
    "server.task_failed": (
        "The provider accepted the task but did not complete it; gateways refund such tasks.",
        "Every later run asks after it; retry asks once more, then submits it again.",
    ),
    "crashed": (
        "rowmill itself failed on this row.",
        "Retry once; if it happens again, send us the log.",
    ),
    "crashed.unwritable": (
        "The table could not take a value of this answer; the answer itself is kept.",
        "Retry once; if it happens again, send us the log.",
    ),
    "key": (
        "The key was rejected.",
        "Store a valid key, then run the sheet again.",
    ),
    "key.blocked": (
        "The provider blocks this account or this network address.",
        "Ask the provider; another network or key may be needed.",
    ),
    "credit": (
        "No credit is left on this key or account.",
        "Top up at the provider, then run the sheet again.",
    ),
    "credit.key_quota": (
        "The quota of this key is used up, although the account may have credit.",
        "Raise the key's quota at the provider, then run the sheet again.",
    ),
    "model": (
        "This model is not available, priced or allowed here.",
        "Check the model's name, or choose another with -m.",
    ),
    "model.no_channel": (
        "The provider has no channel for this model at the moment; often the name is wrong.",
        "Check the model's name, wait, or choose another with -m.",
    ),
    "model.model_not_priced": (
        "The provider has set no price for this model, so it does not serve it.",
        "Choose another model with -m, or ask the provider.",
    ),
    "model.wrong_address": (
        "This address is not the provider's API.",
        "Check the base URL and the endpoint.",
    ),
}
"""By failure class, or class.cause where a finer sentence helps: (meaning, remedy)."""

COMMANDS_FOR: dict[str, str] = {
    "refused": "rowmill errors {sheet} --export fixes.xlsx",
    "bad_input": "rowmill errors {sheet} --export fixes.xlsx",
    "truncated": "rowmill retry {sheet} --class truncated",
    "no_result": "rowmill retry {sheet}",
    "schema": "rowmill retry {sheet}",
    "limit": "rowmill retry {sheet}",
    "server": "rowmill retry {sheet}",
    "network": "rowmill retry {sheet}",
    "timeout": "rowmill retry {sheet}",
    "file": "rowmill retry {sheet}",
    "file.expired": "rowmill retry {sheet} --again --class file",
    "stuck": "rowmill run {sheet}",
    "crashed": "rowmill retry {sheet}",
    "key": "rowmill keys set {provider}",
    "credit": "rowmill run {sheet}",
    "model": "rowmill check {sheet} -m MODEL",
}
"""The command that follows from a failure; the same in every language."""
