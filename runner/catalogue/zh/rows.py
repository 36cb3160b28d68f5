"""关于按行号点名的行、以及请求发往何处的中文句子。"""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} 没有这 {count} 行：{rows}。按 Excel 显示的行号，它只有 {first} 到 {last} 行。"
    ),
    "sheet.hidden_unseen": (
        "--visible-only：rowmill 看不到 .{format} 工作簿里哪些行被隐藏。请另存为 .xlsx。"
    ),
    "rows.empty_many": "{sheet}：{total} 行中有 {count} 行为空（第 {rows} 行）。",
    "rows.empty_with_text": (
        "{sheet}：{total} 行中有 {count} 行没有可发送的内容，但其他列有文字（第 {rows} 行）。"
    ),
    "rows.empty_what_to_do": "什么都没有发送。请填写，或用 --skip-bad 跳过这些行。",
    "rows.empty_ask": "跳过这些行，运行其余的行？",
    "rows.empty_skipped": "跳过 {count} 个空行：{rows}",
    "rows.hidden_skipped": "不发送 {count} 个隐藏的行（--visible-only）",
    "run.guessed": (
        '按列名识别：{columns}（更改：--column "表头=字段"；不发送：--column "表头="）'
    ),
    "run.hidden": "其中 {count} 行在表格中被隐藏（{price}）；加 --visible-only 可不发送",
    "sheet.folder": "{sheet} 是文件夹，不是表格的工作区。请写出其中的表格文件。",
    "name.template": "--name：{reason}",
    "money.nothing": "无",
    "run.stopping": "正在停止。",
    "run.end_skipped": "跳过 {count} 行",
    "run.away": "{meaning}运行会等待，并自动继续；按 Ctrl-C 停止。",
    "run.other_address": (
        "上次运行发往 {before}，这次发往 {now}。如果不是本意，请停下，并加上 --base-url {before}。"
    ),
    "rows.none_at_all": "{sheet} 现在一行也没有。",
}
