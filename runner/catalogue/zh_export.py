"""The Chinese sentences of `rowmill export`."""

EXPORT: dict[str, str] = {
    "option.output": "写到哪个文件，格式由扩展名决定；不写或 - 为标准输出",
    "option.format": "格式，扩展名看不出时用；标准输出默认 csv",
    "option.only": "只要这些状态的行，例如 failed,in_doubt",
    "option.safe-csv": "csv 和 tsv 中，自己的列也防止被当作公式执行",
    "export.written": "已把 {rows} 行写入 {file}。",
    "export.moved": "{file} 不是 rowmill 写的、写入后被改过，或正被其他程序打开；原样保留。",
    "export.replaced": "{count} 个 {format} 放不下的字符已替换。",
    "export.texts": "{count} 段超出 Excel 单元格长度的文字放在旁边 texts 文件夹的文件里。",
    "export.nothing": "{folder} 里还没有载入表格。先运行：rowmill run SHEET",
    "export.terminal": "{format} 不是终端能显示的文本。用 -o FILE 指定文件。",
    "export.ending": "从文件扩展名看不出格式。用 {known} 之一，或加 --format。",
    "export.statuses": "以下之一或多个，用逗号分隔：{known}",
}
