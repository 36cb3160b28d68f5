"""The Chinese sentences of `rowmill export`."""

EXPORT: dict[str, str] = {
    "option.output": "写到哪个文件，格式由扩展名决定；不写或 - 为标准输出",
    "option.format": "格式，扩展名看不出时用；标准输出默认 csv",
    "option.only": "只要这些状态的行，例如 failed,in_doubt",
    "option.headers": "我们的列用哪种语言的标题；工作簿中状态也用它",
    "option.fields": "只要 rowmill 的这些列，例如 status,text,files",
    "export.fields": "--fields：没有 {found} 这一列；rowmill 的列有 {known}",
    "export.copy_has_all_fields": "--into-copy 会写入 rowmill 的全部列；请去掉 --fields。",
    "option.safe-csv": "csv 和 tsv 中，自己的列也防止被当作公式执行",
    "option.new": "只要上次 --new 导出之后有结果的行",
    "option.thumbs": "不论多大的工作簿都放缩略图；不加时最多 5,000 行",
    "option.into-copy": "写进你自己工作簿的副本，带第一张图和链接",
    "option.expand": "结构化输出的每个属性一列",
    "export.copy_needs_file": (
        "--into-copy 写的是工作簿：用 -o FILE 指定，扩展名与原表相同（.xlsx 或 .xlsm）。"
    ),
    "export.copy_ending": "这个工作簿的副本扩展名必须是 {ending}。",
    "export.thumbs_need_workbook": "只有工作簿能放缩略图：请指定 .xlsx 文件。",
    "export.unfit": "无法在你的工作簿副本里加列：{reason}。结果改写到新的工作簿。",
    "export.written": "已把 {rows} 行写入 {file}。",
    "export.moved": "{file} 不是 rowmill 写的、写入后被改过，或正被其他程序打开；原样保留。",
    "export.replaced": "{count} 个 {format} 放不下的字符已替换。",
    "export.texts": "{count} 段超出 Excel 单元格长度的文字放在旁边 texts 文件夹的文件里。",
    "export.nothing": "{folder} 里还没有载入表格。先运行：rowmill run SHEET",
    "export.terminal": "{format} 不是终端能显示的文本。用 -o FILE 指定文件。",
    "export.ending": "从文件扩展名看不出格式。用 {known} 之一，或加 --format。",
    "export.statuses": "以下之一或多个，用逗号分隔：{known}",
}
