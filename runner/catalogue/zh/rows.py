"""关于按行号点名的行、以及请求发往何处的中文句子。"""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} 没有这 {count} 行：{rows}。按 Excel 显示的行号，它只有 {first} 到 {last} 行。"
    ),
    "sheet.folder": "{sheet} 是文件夹，不是表格的工作区。请写出其中的表格文件。",
    "name.template": "--name：{reason}",
    "money.nothing": "无",
    "run.stopping": "正在停止。",
    "run.end_skipped": "{count} 行已手工关闭",
    "run.away": "{meaning}运行会等待，并自行继续；按 Ctrl-C 停止。",
    "run.other_address": (
        "上次运行发往 {before}，这次发往 {now}。如果不是本意，请停下，并加上 --base-url {before}。"
    ),
    "rows.none_at_all": "{sheet} 现在一行也没有。",
}
