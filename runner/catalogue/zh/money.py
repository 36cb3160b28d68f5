"""The Chinese sentences about money, time and disk."""

MONEY: dict[str, str] = {
    "option.max-cost": (
        "本工作区的累计花费上限；+20 表示在已花费的基础上再加 20，none 取消之前的上限。进行中的调"
        "用按可能的最高费用计"
    ),
    "expected.cap": "金额，如 20；+20，表示在已花费的基础上再加 20；或 none",
    "money.unknown": "未知",
    "money.at_least": "至少 {amount}",
    "money.about": "约 {amount}",
    "money.between": "{low} 到 {high} {currency}",
    "money.estimate": "{amount}（估算）",
    "money.by_gateway": "网关标价",
    "money.by_book": "按 {date} 的公开价估算",
    "money.no_price": "{models} 价格未知",
    "money.doubt": "{count} 次调用没有收到回复，可能已计费，最多再加 {amount}",
    "money.doubt_more": (
        "{count} 次调用没有收到回复，可能已计费，其中一部分最多再加 {amount}，其余价格未知"
    ),
    "money.doubt_unknown": "{count} 次调用没有收到回复，可能已计费，价格未知",
    "money.most": "最多 {amount}",
    "run.by_row": "各行自定接口",
    "run.ahead": "{time} · 约需磁盘 {disk}，可用 {free}",
    "run.ahead_for_real": "换成真实服务商：",
    "run.disk_short": "磁盘空间很可能不够。",
    "ahead.usual": "预计 {low}～{high}",
    "ahead.usual_one": "预计约 {time}",
    "ahead.measured": "{low}～{high}，按目前的速度",
    "ahead.measured_one": "约 {time}，按目前的速度",
    "ahead.disk": "{low} 到 {high}",
    "till.left": "网关  余额 {left}",
    "till.lasts": "网关  余额 {left}：大约够 {calls} 行中的 {rows} 行",
    "till.enough": "网关  余额 {left}：够全部 {calls} 行",
    "till.unlimited": "网关  这个密钥自身没有额度限制",
    "till.after": "网关  期间扣除 {taken}；本次运行我们记录 {ours}；剩余 {left}",
    "till.now": "网关  余额 {left}",
    "budget.cap": "上限  本工作区 {cap}：已花费 {spent}，还剩 {left}",
    "budget.uncounted": "      之前有 {count} 次调用价格未知，没有计入已花费",
    "budget.unlimited": (
        "      {models} 的回复没有 max_tokens 限制：每次调用按 {tokens} 个 token 预留。"
        "更长的回复可能超出上限；用 --set max_tokens=N 可以避免。"
    ),
    "budget.unbounded_pictures": (
        "      聊天模型返回的图片数量不受限制：{models} 的每次调用按 {count} 张图片预留。"
        "返回更多图片时可能超出上限。"
    ),
    "budget.unpriced": (
        "--max-cost 要求每个模型都有价格，而 {models} 没有。没有发送任何请求。请在 rowmill.toml "
        "里加上（call、picture，或每百万 token 的 input 和 output）："
    ),
    "budget.mixed": (
        "--max-cost 无法把 {currencies} 相加。没有发送任何请求。请在 rowmill.toml 的 [prices] 里"
        "统一货币，或换一个 --workspace。"
    ),
    "budget.too_dear": "第 {row} 行最多需要 {most}，而上限只剩 {left}",
    "budget.no_price": "第 {row} 行没有已知价格",
    "run.stopped_budget": "因 --max-cost 停止：{detail}。",
    "check.cannot_write": "无法写入文件夹 {folder}：{reason}。",
    "check.disk_need": "磁盘",
    "check.disk_of": "约需 {disk}，可用 {free}",
    "check.offer": "价格",
    "check.offer_at": "网关的价目表，{time}",
    "check.price_line": "要给模型设定价格，在 rowmill.toml 里写：",
}
