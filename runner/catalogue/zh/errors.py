"""The Chinese sentences of `errors`, `fetch` and `retry --from`."""

ERRORS: dict[str, str] = {
    "command.errors": "按原因归类失败的行：多少、什么意思、怎么办。",
    "command.fetch": "补下载缺失或损坏的文件；绝不重新生成。",
    "option.export": "把需要修改的行写入一个工作簿，供你改正",
    "option.from": "取文件里的行：改好的 fixes.xlsx、结果文件，或报告页勾选的行",
    "option.verify": "重新读取每个文件，与保存时比对",
    "errors.title": "{sheet}：{count} 行失败",
    "errors.title_in_doubt": "{count} 行存疑",
    "errors.none": "{sheet}：没有失败的行。",
    "errors.rows": "行",
    "errors.row_list": "{rows}",
    "errors.row_list_more": "{rows} … 另有 {count} 行",
    "errors.words": "原话",
    "errors.remedy": "办法",
    "errors.remedy_in_doubt": "先看服务商自己的调用记录（如果有）。重新发送可能重复付费。",
    "errors.fix": (
        "{count} 行需要修改提示词或单元格：rowmill errors {sheet} --export fixes.xlsx "
        "会把它们写出来供你改正。"
    ),
    "errors.exported": "已把 {rows} 行写入 {file}，供你改正。",
    "errors.then": "在其中改好并保存，然后：rowmill retry {sheet} --from {file}",
    "errors.moved": "{file} 被改过、不是 rowmill 写的，或正被打开；未作改动。",
    "errors.nothing_to_fix": "没有靠修改就能解决的失败行。",
    "errors.ending": "--export 写的是 Excel 工作簿：文件名要以 .xlsx 结尾。",
    "errors.hint_edit": "修改灰色列右边的单元格（主要是黄色列），然后保存。",
    "errors.hint_then": "然后：rowmill retry {sheet} --from fixes.xlsx",
    "errors.hint_rest": (
        "没有改动的行仍是失败。可以删除行，但 result_row 和 result_key 两列必须保留。"
    ),
    "errors.hint_own": (
        "你自己的表格不会被改动：修改保存在工作区里，直到你在表格里改了那个单元格为止都有效。"
    ),
    "from.fixes": "{file}：{rows} 行中改了 {edited} 行",
    "from.unchanged": ("{count} 行没有改动，仍是失败；加 --class refused,bad_input 可原样再运行。"),
    "from.rows": "{file}：{rows} 行",
    "from.no_key": (
        "{file} 没有 result_key 列，无法认出它的行。请用 fixes.xlsx、结果文件或报告页勾选的行。"
        "没有改动任何东西。"
    ),
    "from.unknown_rows": "{file} 里有这个表格没有的行。没有改动任何东西。",
    "from.unknown_row": "  文件第 {row} 行，result_key 列：{key}",
    "from.more_unknown": "  另有 {count} 行",
    "from.repeated": (
        "{file} 第 {first} 行和第 {second} 行的 result_key 都是 {key}，内容却不同。"
        "请只留一行。没有改动任何东西。"
    ),
    "from.empty": "{file} 里没有失败的行。",
    "from.beside_run": "正在运行：{file} 里改好的 {count} 行先等着。运行结束后，用同一条命令读入。",
    "from.not_with_rows": "--from 已指定行，不要再加 --rows。",
    "fetch.checked": "检查了 {files} 个文件：{good} 个完好，{missing} 个缺失，{damaged} 个损坏",
    "fetch.missing": "  第 {row} 行：{file} 不在了",
    "fetch.damaged": "  第 {row} 行：{file} 与保存时不同",
    "fetch.more": "  另有 {count} 个",
    "fetch.open": "还有 {count} 个文件待下载",
    "fetch.nothing": "没有需要下载的文件。",
    "fetch.start": "下载 {rows} 行的文件；不会生成任何东西。",
    "fetch.done": "{done} 行的文件已齐，{failed} 行的文件下载不到。",
}
