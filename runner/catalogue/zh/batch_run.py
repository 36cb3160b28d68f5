"""The Chinese sentences of a run about its provider batches."""

BATCH_RUN = {
    "batch.created": "{model} 的 {rows} 行已交给服务商（批处理 {id}），最迟 {due} 完成。",
    "batch.taken_in": "批处理 {id} 已结束，结果已取回（{model}，{rows} 行）。",
    "batch.refused": (
        "{model} 的 {rows} 行没能创建批处理：{reason}。这些行仍在等待，没有产生费用。"
    ),
    "batch.held": (
        "{model} 的 {rows} 行所在的批处理存疑：{reason}。它可能已经计费。"
        "再次发送这些行之前，请先查看服务商自己的批处理列表。"
    ),
    "batch.unfit": (
        "{model} 有 {rows} 行不能放进批处理，仍在等待；用 `show` 查看原因。"
        "加上 --online-from，等待的行到时会在线发送。"
    ),
    "batch.online": "没有批处理买到的 {rows} 行现在改为在线发送。",
    "batch.elsewhere": "这个表格在 {address} 还有未完成的批处理，本次运行没有使用那里的密钥。",
    "batch.why_batch_cancelled": "它在创建之前就被取消了",
    "batch.why_lines_gone": "打包好的请求已不在这台机器上",
    "batch.why_creation_lost": "创建请求没有得到回复，服务商的列表也看不出它是否存在",
    "batch.why_batch_missing": "服务商已经不认识它",
    "batch.why_refused": "服务商拒绝了它",
}
