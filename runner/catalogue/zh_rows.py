"""关于按行号点名的行的中文句子。"""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} 没有这 {count} 行：{rows}。按 Excel 显示的行号，它只有 {first} 到 {last} 行。"
    ),
    "rows.none_at_all": "{sheet} 现在一行也没有。",
}
