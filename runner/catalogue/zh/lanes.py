"""The Chinese sentences of lanes and provider batches."""

LANES = {
    "group.lane": "通道",
    "option.lane": "调用的购买方式：online；flex 或 batch（较慢、较便宜，服务商提供时）",
    "option.online-from": "从这个钟点起，批处理没有带回的行改为在线发送",
    "option.submit-only": "只创建服务商批处理就结束；下一次 run 再取回结果",
    "lane.no_batches": (
        "不知道这里的 {endpoint} {model} 是否提供批处理。不加 --lane batch，这些行会在线发送。"
    ),
}
