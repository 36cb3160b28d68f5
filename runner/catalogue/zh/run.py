"""The Chinese sentences of a run; a key that is missing here is told in English."""

RUN: dict[str, str] = {
    "option.kill": "中途强制终止 N 次，每次再继续，证明什么都不会丢",
    "option.class": "只处理这些失败类别的行；in_doubt 也算一类",
    "option.again": "重新生成，已完成的行也可以（会再次扣费）；旧结果保留为旧版本",
    "expected.times": "0 或更大的整数",
    "expected.classes": "以下一项或多项：{classes}",
    "workspace.cannot_make": "无法创建文件夹 {folder}：{reason}。",
    "workspace.none": "{folder} 里没有任务表：这里还没有运行过。",
    "workspace.none_here": "{folder} 里没有工作区，请写明表格。",
    "workspace.several": "这里有多个工作区（{names}），请写明表格。",
    "workspace.several_left": (
        "这里有多个工作区的表格已不在（{names}）。请写明哪一个是 {sheet} 的："
        "--workspace DIR --same-sheet。"
    ),
    "workspace.other_sheet": (
        "{folder} 属于 {theirs}，不属于 {ours}。如果 {ours} 只是同一张表格改了名，请加 "
        "--same-sheet；如果是另一张表格，请用 --workspace DIR 给它单独的文件夹。"
    ),
    "workspace.other_origin": (
        "数据库里已有另一张叫 {name} 的表格，来自 {origin}。如果你的表格是它的新版本，请加 "
        "--same-sheet；如果是另一张表格，请另起名字：--db URL#NAME。"
    ),
    "workspace.answered_elsewhere": (
        "{folder} 里已有 {staged} 行中 {answered} 行的结果。要沿用：rowmill run {sheet} "
        "--workspace {folder} --same-sheet。要重新生成（会再次扣费），请加 --rebuy。"
    ),
    "workspace.is_rehearsal": "{folder} 是一次演练，里面的结果没有花钱。请写明表格本身。",
    "workspace.held": "另一个运行正占用这张任务表：{host} 上的进程 {pid}，自 {since} 起。",
    "workspace.held_unnamed": "另一个运行正占用这张任务表。",
    "sheet.missing": "没有文件 {sheet}。",
    "sheet.is_results": (
        "{sheet} 是工作区之外的结果文件；运行它会把各行重新生成并再次扣费。请运行它的原表格，或者"
        "只运行缺少的部分：把 result_status 不是 done 的行复制到一张新表格中，不要带结果列。"
    ),
    "sheet.identity_gone": (
        "{sheet} 的各行自首次载入起以 {column} 列识别，而现在没有唯一的这一列。请恢复它，"
        "或用 --id 写明现在存放同样编号的列。"
    ),
    "sheet.identity_fixed": (
        "这张表格自首次载入起一直按请求内容识别各行；--id {column} 会把所有行都当成新行。"
        "需要的话请另用 --workspace。"
    ),
    "run.fake_addresses": (
        "{host} 的地址在 198.18.0.0/15 内，是本机代理程序的替代地址（fake-IP）："
        "这类地址上的文件也会下载。"
    ),
    "run.no_endpoint": "没有选择接口。请用 -e 选择，或在 `endpoint` 列中写明：",
    "run.no_model": "没有选择模型。请用 -m MODEL 选择，或在 `model`（模型）列中写明。",
    "run.no_prompt": (
        '没有提示词列。请把一列命名为 `prompt`（或 提示词），或用 --column "HEADER=prompt" 或 '
        '-p "{{ HEADER }}" 指明。'
    ),
    "run.unknown_field": (
        "--set 给 {field} 赋值，但没有接口有这个字段。服务商自己的选项请写作 "
        "--set body.{field}=VALUE。"
    ),
    "run.unknown_field_near": (
        "--set 给 {field} 赋值，但没有接口有这个字段；是不是“{near}”？服务商自己的选项请写作 "
        "--set body.{field}=VALUE。"
    ),
    "run.would_rebuy": "已完成的 {done} 行中有 {rows} 行会重新生成并再次扣费。不同之处：",
    "run.difference": "{field}{change}：{rows} 行",
    "run.would_rebuy_what_to_do": (
        "未发送任何请求。请撤回改动，或加 --rebuy 重新生成（会再次扣费）。"
    ),
    "run.read": "{sheet}：{rows} 行，读取方式：{how}",
    "run.unread": "{sheet}：自上次运行以来没有变化",
    "run.plan_first": "{new} 行待运行",
    "run.plan": (
        "{unchanged} 行未变，{refreshed} 行只改了其他列，{changed} 行有改动，{new} 行新增，"
        "{returned} 行回到表格，{removed} 行已不在表格中"
    ),
    "run.found_answered": "其中 {count} 个请求已有结果，不会重复扣费",
    "run.remembered": "沿用上次：{options}",
    "run.skipping_bad": "{count} 行有问题，标记为失败；原因见 `rowmill errors`。",
    "run.start": "{rows} 行 · {endpoints} · {host} · 价格：{price}",
    "run.start_unpaid": "没有新的请求：只完成之前已请求的 · {endpoints} · {host}",
    "run.ask": "向 {host} 发送 {calls} 个请求（价格：{price}）？",
    "run.needs_consent": (
        "向 {host} 发送 {calls} 个请求（价格：{price}）需要确认。当前不是交互终端，无法确认，未发"
        "送；加 -y 继续。"
    ),
    "run.declined": "已取消，未发送任何请求。",
    "run.nothing_to_do": "全部完成，没有需要运行的行。",
    "run.table_away": (
        "数据库没有响应。暂不发送新请求；进行中的请求的回复保存在本机磁盘上，直到恢复。"
    ),
    "run.table_awaited": "数据库没有响应。什么都不发送；数据库有响应后再开始运行。",
    "run.table_back": "数据库已恢复：运行继续。",
    "run.joins": "加入正在进行的运行（{hosts} 台主机在工作）。",
    "run.waits_for_pilot": "该运行还在试跑：等待确认其余各行。",
    "run.other_terms": (
        "运行正在进行，而 {options} 会改变它。请用 `rowmill steer` 修改，或去掉这些选项后加入。"
    ),
    "run.other_site": (
        "正在进行的运行发往 {theirs}，而本机设置的是 {ours}。没有发送任何请求。"
        "请在本机设置同一地址（--base-url 或 --provider），或等该运行结束。"
    ),
    "run.edited_needs_yes": (
        "{sheet} 自载入后有改动，其新行会被正在进行的运行立即发送。请加 -y 载入，或等该运行结束。"
    ),
    "run.edited_ask": "{sheet} 自载入后有改动。现在载入吗？其新行会被正在进行的运行立即发送。",
    "run.host_lost": "{host}（进程 {pid}）没有消息：它未完成的 {count} 行已被接管。",
    "run.taken_over": "第 {row} 行：任务曾被放弃，后来完成了，结果已取回",
    "run.kept_version": "第 {row} 行：一个旧任务后来完成了，作为另一个版本保留",
    "run.recovered": "上次运行结束时有 {count} 行正在进行，现已继续处理。",
    "run.draining": (
        "正在停止：先完成进行中的 {calls} 个调用和 {files} 个文件。再按一次 Ctrl-C 则放弃它们。"
    ),
    "run.cut": "已放弃进行中的调用，下次运行会重新发送。再按一次立即退出。",
    "run.end": "{done} 行完成，{failed} 行失败，{in_doubt} 行存疑，{pending} 行待处理 · {time}",
    "run.used": "{calls} 次调用 · {tokens} tokens · 费用：{cost}",
    "run.failures": "  {count} × {kind}：{meaning}",
    "run.stopped_key": "已停止：密钥被拒绝。{detail}",
    "run.refused_key_place": (
        "被拒绝的密钥来自 {place}，它优先于已保存的密钥。请在那里改正，"
        "或将其去掉后保存一个：rowmill keys set {name}"
    ),
    "lane.not_sold": (
        "不知道这里的 {endpoint} {model} 是否提供 {lane} 通道。"
        "如果服务商提供，请在 rowmill.toml 中加入："
        '\n  [provider.{provider}.lanes.{lane}]\n  form = "service_tier"\n  factor = 0.5'
    ),
    "lane.missed": (
        "{count} 次调用要求较慢的半价，却按全价计费：网关可能去掉了这个要求。"
        "费用和上限按实际计费计算。"
    ),
    "lane.flex": (
        "flex 通道：回复确认后最低为 {price} 的一半；一次调用可能要一小时，中断的不会自动重发"
    ),
    "run.stopped_lane": (
        "已停止：十次慢速调用在途中被切断；这些行存疑，其余仍待运行。"
        "这里的连接安静几分钟就会被切断；用 --lane online 继续。"
    ),
    "run.stopped_credit": "已停止：余额不足。{detail}",
    "run.stopped_alike": "已停止：服务商以同样的理由拒绝了最初的各行，这些行仍待运行。{detail}",
    "run.stopped_unreachable": "已停止：{detail}",
    "run.never_answered": "{host} 从未应答。{meaning}{detail}",
    "run.stopped_offline": "已停止：太久没有成功的响应。{detail}",
    "run.stopped_interrupted": "已用 Ctrl-C 停止，一切均已保存。",
    "run.stopped_terminated": "被外部停止，一切均已保存。",
    "run.stopped_broken": "已停止：任务表无法写入。{detail}",
    "run.model_stopped": "模型 {model} 已停用：{detail}",
    "run.form_stopped": "模型 {model} 在接口 {endpoint} 上已停用：{detail}",
    "run.results": "结果     {path}",
    "run.results_moved": "结果     {path}（旧的结果文件被改过或正打开着，保持原样）",
    "run.results_failed": "结果文件无法写入：{reason}。任务表完好。",
    "run.files": "文件     {path}",
    "run.vectors": "向量     {path}",
    "run.next": "下一步   {command}",
    "retry.nothing": "没有需要重跑的行。要重跑须先查看的行，请加 --class {classes}",
    "retry.none": "没有需要重跑的行。",
    "retry.not_run_yet": "没有需要重跑的行。还有 {count} 行没有跑过：用 `rowmill run` 发送。",
    "retry.free": "其中 {count} 行只需下载或查询，不收费",
    "run.plan_shown": "需要确认，未发送任何请求；可把上面的计划交给 --agreed。",
    "run.no_plan": "--agreed 需要 `--agreed ask` 打印的计划。未发送任何请求。",
    "option.agreed": "只同意这个计划（JSON）；ask 打印计划，不发送",
    "run.plan_changed": "确认之后行或价格有变（现为 {calls} 个请求）。未发送任何请求，请重新开始。",
    "run.moved_needs_consent": (
        "这次运行会发往 {now}，上次发往 {before}。未发送任何请求。请用 --base-url 写明要用的地址"
        "，或加 -y。"
    ),
    "retry.put_back": "{count} 行已重新排队：{classes}",
    "retry.again_needs_rows": "--again 会重新生成并再次扣费：请用 --rows 或 --class 写明是哪些行。",
    "retry.running": "已排入正在进行的运行；来不及的留给下一次运行。",
    "rehearse.start": "在 {url} 的内置模拟网关上演练，故障：{faults}",
    "rehearse.not_here": (
        "{folder} 不能用于演练：下一次演练开始时会清空该文件夹。请写一个以 .rehearsal 结尾、"
        "里面没有别的东西的文件夹。"
    ),
    "rehearse.kill": "在 {calls} 次调用后强制终止了运行（第 {number} 次，共 {total} 次）",
    "rehearse.books": (
        "对账     模拟网关计费 {billed} 次，我们记录 {ours} 次，缺少 {lost} 次；{answers} 个结果"
        "，{in_doubt} 个存疑"
    ),
    "rehearse.books_bad": "对账不一致：{what}。",
}
