"""The Chinese sentences of lanes and provider batches."""

LANES = {
    "group.lane": "通道",
    "option.lane": "调用的购买方式：online；flex 或 batch（较慢、较便宜，服务商提供时）",
    "option.online-from": "从这个钟点起，批处理没有带回的行改为在线发送",
    "option.submit-only": "只创建服务商批处理就结束；下一次 run 再取回结果",
    "lane.no_batches": (
        "不知道这里的 {endpoint} {model} 是否提供批处理。不加 --lane batch，这些行会在线发送。"
    ),
    "lane.prices": "各通道：{prices}",
    "lane.batch_price": "批处理 {batch}；如全部改为在线则 {online}",
    "lane.fits": (
        "上限之内，{rows} 行里有 {fits} 行可以同时进入批处理（每行按最高费用计算）；其他行等待。"
    ),
    "lane.fits_with": (
        "上限之内，{rows} 行里有 {fits} 行可以同时进入批处理（每行按可能的最高费用计算）；"
        "其他行等待。用 --set {field}={tokens} 则全部放得下。"
    ),
    "lane.cached": (
        "这个表格最近 {calls} 次调用的提示词有 {percent} % 来自服务商的缓存。在线花费 {online}；"
        "批处理里缓存大多不省钱，同样的调用会花 {batch}。"
    ),
    "lane.batch": (
        "批处理通道：服务商大约一天之内给出结果；批处理没有带回的行一直等待，直到用 "
        "--online-from 或 --lane online"
    ),
    "lane.batch_until": "批处理通道：到 {at} 批处理还没有带回的行，按普通价格在线发送",
    "command.batches": "显示一个表格的服务商批处理；可取消，可清除其文件。",
    "option.cancel": "让这个编号的批处理提前结束；已完成的部分照常计费",
    "option.clean": "删除已结束的批处理留在服务商处的文件",
    "status.batches": "服务商批处理",
    "batches.none": "这个表格没有服务商批处理。用 run --lane batch 创建",
    "batches.rows": "{count} 行",
    "batches.due": "最迟 {at}",
    "batches.at_provider": "{rows} 行在服务商处。",
    "batches.at_provider_due": "{rows} 行在服务商处，最迟 {at}。",
    "batches.wait": (
        "{rows} 行没有被任何批处理带回，还在等待：下一次运行会再次打包；--lane online 或 "
        "--online-from 则在线发送。"
    ),
    "batches.up_to": "最多 {amount}",
    "batches.intended": "正在提交",
    "batches.uploaded": "正在提交",
    "batches.at_work": "在服务商处：{word}",
    "batches.at_work_done": "在服务商处：{word}，已完成 {done}",
    "batches.cancelling": "正在取消",
    "batches.ended": "已结束；正在读取结果",
    "batches.held": "存疑：服务商处可能有它",
    "batches.taken_in": "已结束：{rows}",
    "batches.rows_done": "完成 {count}",
    "batches.rows_failed": "失败 {count}",
    "batches.rows_in_doubt": "存疑 {count}",
    "batches.rows_given_back": "未计费 {count}",
    "batches.leftovers": "{count} 个已结束的批处理还有文件留在服务商处；--clean 可删除。",
    "batches.unknown": "这个表格没有批处理 {id}。查看列表：rowmill batches",
    "batches.over": "批处理 {id} 已经结束，没有可取消的。",
    "batches.cancelled": "服务商正在结束批处理 {id}。已完成的部分照常计费；下一次运行会读取。",
    "batches.run_cancels": "正在进行的运行会取消批处理 {id}，并读取已完成的部分。",
    "batches.next_run_cancels": "批处理 {id} 会由下一次运行取消：现在没能通知服务商。",
    "batches.clean": "服务商处没有已结束的批处理留下的文件。",
    "batches.cleaned": "已删除 {count} 个批处理的文件。",
    "batches.not_cleaned": (
        "{count} 个批处理的文件没能删除：服务商没有确认，或这里没有它们账号的密钥。"
    ),
}
