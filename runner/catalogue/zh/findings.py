"""The Chinese sentences about sheets."""

_SPEECH = {
    "finding.head": "{sheet} 无法使用：",
    "finding.the_sheet": "表格",
    "finding.at_row": "第 {row} 行",
    "finding.at_column": "“{column}”列",
    "finding.and": "，",
    "finding.colon": "：",
    "finding.then": "；",
    "finding.was_expected": "应为 {what}",
    "finding.was_found": "实际为 {what}",
    "finding.detail": "（{what}）",
}

_TERMS = {
    "term.zip workbook": "Excel 或 OpenDocument 工作簿",
    "term.ole": "旧版 Excel 工作簿（.xls），或带密码的工作簿",
    "term.parquet": "parquet 文件",
    "term.web page": "网页",
    "term.xml": "XML",
    "term.text": "纯文本",
    "term.pdf": "PDF",
    "term.sqlite": "SQLite 数据库",
    "term.gzip": "gzip 压缩包",
    "term.7z": "7z 压缩包",
    "term.rar": "RAR 压缩包",
    "term.png": "PNG 图片",
    "term.jpeg": "JPEG 图片",
    "term.zip": "zip 压缩包",
    "term.rename workbook": "请把文件改名为 .xlsx（旧版则为 .xls）",
    "term.rename parquet": "请把文件改名为 .parquet",
    "term.save as workbook": "请用 Excel 打开后另存为 .xlsx",
    "term.rename text": "请把文件改名为 .csv，或重新保存为想要的格式",
    "term.binary": "无法识别的二进制文件",
    "term.check file": "请确认是否选对了文件",
    "term.no ending": "没有扩展名",
    "term.entries": "个 zip 条目",
    "term.bytes": "字节（解压后）",
    "term.merged rows": "行（合并区域）",
    "term.times": "倍于压缩后的大小",
}

_FILES = {
    "finding.folder": "这是一个文件夹；请指明其中的表格文件",
    "finding.missing_file": "没有这个文件；请检查文件名和文件夹",
    "finding.not_a_file": "这不是普通文件；请先把表格保存成文件",
    "finding.empty_file": "文件是空的；请重新保存表格",
    "finding.unreadable_file": "无法读取文件；请在其他程序中关闭它，并确认你有读取权限",
    "finding.unused_option": "{option} 对 {format} 表格没有意义；请去掉",
    "finding.unknown_format": "表格的读法由扩展名决定，而这个扩展名不认识；请保存为以下格式之一",
    "finding.unknown_format.found": "{ending}",
    "finding.wrong_kind": "文件内容与扩展名不符；{remedy}",
    "finding.wrong_kind.expected": "{format} 表格",
    "finding.wrong_kind.found": "{kind}",
    "finding.batch_file": "这是服务商的批处理（batch）文件：每行的请求会原样单独发送",
    "finding.batch_request": (
        "批处理（batch）文件的这一行没有对应的接口；请改写为表格：每个字段一列，"
        "其他字段用 body.<名称>"
    ),
    "finding.too_many_columns": "表格有 {count} 列，最多读取 {most} 列；请删除不需要的列",
    "finding.too_sparse": "{rows} 行、{count} 列中几乎全是空白；请删除不需要的列，或拆分表格",
    "finding.no_rows": "表头下面没有任何行；请至少添加一行",
    "finding.no_records": "表格里没有任何行；请至少添加一行",
    "finding.empty_sheet": "表格里没有文字",
    "finding.empty_sheet.expected": "一行表头，下面至少一行内容",
    "finding.changed_while_reading": "读取时文件被改动了；请重新开始",
}

_STDIN = {
    "stdin.terminal": (
        "要从标准输入读取表格，但标准输入是键盘。请用管道：rowmill run - --workspace DIR < "
        "prompts.csv"
    ),
    "stdin.needs_workspace": "从标准输入读取的表格需要一个文件夹：请加 --workspace DIR。",
}

_TEXTS = {
    "finding.unknown_encoding": "--encoding 给出的编码不认识",
    "finding.unknown_encoding.expected": (
        "utf-8、gb18030、big5、utf-16、shift_jis、euc-jp、euc-kr 或 cp1252"
    ),
    "finding.not_text": "这不是文本文件；请确认是否选对了文件，并保存为 CSV UTF-8 或 .xlsx",
    "finding.encoding_not_found": (
        "无法判断文件的编码；请用 --encoding 指明（例如 gb18030），或保存为 CSV UTF-8"
    ),
    "finding.encoding_guessed": "编码是推断出来的；如果文字显示不对，请用 --encoding 指明",
    "finding.encoding_unsure": (
        "编码推断为 {label}，依据 {lines} 行文字，首先是第 {line} 行；如果那里的文字不对，请用 "
        "--encoding 指明编码，或修正那一行"
    ),
    "finding.encoding_doubtful": (
        "第 {line} 行：文件按 UTF-8 读取，但这些字节也可能是中文；如果本来是中文，请加上 "
        "--encoding gb18030"
    ),
    "finding.encoding_doubtful.found": "“{found}”，也可能是“{other}”",
    "finding.undecodable_line": "第 {line} 行无法读取；请修正那里的文字，或用 --encoding 指明编码",
    "finding.undecodable_line.expected": "{label} 文本",
    "finding.undecodable_line.found": "字节 {found}",
    "finding.undecodable_lines": "还有 {count} 行无法读取",
    "finding.nul_character": "文件中有看不见的 NUL 字符；已原样保留，如果不需要请删除",
    "finding.nul_character.found": "NUL 在第 {lines} 行",
    "finding.header_in_text": "第一行被当作列名，而不是提示词",
    "finding.table_in_text": "这个 .txt 文件里是一张表；请改名为 .csv 或 .tsv",
    "finding.table_in_text.expected": "每行一条提示词",
    "finding.records_in_text": (
        "这个 .txt 文件里是 JSON；请改名为 .jsonl（每行一个对象）或 .json（一个列表）"
    ),
    "finding.records_in_text.expected": "每行一条提示词",
}

_DELIMITED = {
    "finding.unknown_delimiter": "--delimiter 给出的不是可用的分隔符",
    "finding.unknown_delimiter.expected": (
        "一个字符（例如 ;），或 comma、semicolon、tab、pipe、space、none 之一"
    ),
    "finding.bare_quotes": "这个制表符分隔的表格中，引号被当作普通文字",
    "finding.spaced_quotes": "分隔符和引号之间的空格已忽略，引号内按一个单元格读取",
    "finding.spaced_quotes_kept": (
        "引号前有空格，因此引号按文字处理；如果引号是用来括住单元格的，请删除空格"
    ),
    "finding.long_row": ('这一行比表头长；含有分隔符的单元格请用引号括起来（"a cat, a dog"）'),
    "finding.long_row.expected": "{width} 个单元格，与表头相同",
    "finding.long_row.found": "{count} 个单元格，超出表头的是：{found}",
    "finding.curly_quotes": '这一行比表头长：弯引号不能把单元格括起来；请改用直引号（"）',
    "finding.curly_quotes.expected": "{width} 个单元格，与表头相同",
    "finding.curly_quotes.found": "{count} 个单元格，超出表头的是：{found}",
    "finding.short_row": "有 {count} 行比表头短，这是第一行；缺少的单元格按空白处理",
    "finding.short_row.expected": "{width} 个单元格，与表头相同",
    "finding.open_quote": '第 {line} 行开始的引号（"）没有闭合；请补上或删除',
    "finding.open_quote.expected": '单元格内的引号写成 "the word ""red"" in quotes"',
    "finding.open_quote.found": "第 {line} 行：{found}",
    "finding.broken_quotes": (
        '第 {line} 行开始的带引号单元格在第 {end} 行提前结束了；单元格内的引号请写两次（""）'
    ),
    "finding.broken_quotes.expected": '单元格内的引号写成 "the word ""red"" in quotes"',
    "finding.swallowed_rows": (
        "第 {line} 至 {end} 行落在同一个单元格里，而每一行看起来都是单独的一行：第 {line} "
        '行开始的引号在另一行才闭合；单元格内的引号请写两次（""）。如果确实是一个单元格'
        "，请让它以换行开头"
    ),
    "finding.swallowed_rows.expected": "一行",
    "finding.suspect_lines": (
        "第 {line} 至 {end} 行在同一个带引号的单元格里，而每一行都可能是单独的一行；请"
        "看看是否缺了引号"
    ),
    "finding.line_breaks": (
        "有 {count} 行含有多行文字的单元格，这是第一行（第 {line} 至 {end} 行文本）"
    ),
    "finding.rows_above_header": "表头在第 {header} 行，它上面的行不读取",
    "finding.no_known_header": (
        '没有认识的列名；请用 --column "表头=prompt" 指明提示词所在的列，没有表头时请加一行表头'
    ),
    "finding.no_known_header.expected": "含有 prompt 或 提示词 之类列名的表头",
    "finding.error_cell": "这里是 Excel 的错误值；请在表格中改正",
    "finding.error_cell.expected": "一个值",
    "finding.lost_characters": (
        "这里的文字只剩下问号：保存文件的程序写不出这些字符；请重新保存为 CSV UTF-8 或 .xlsx"
    ),
    "finding.lost_characters.expected": "一个值",
    "finding.rounded": "Excel 只保留 15 位数字，这个数可能不是当初输入的；请写进文本格式的单元格",
    "finding.rounded.expected": "以文本写出全部数字",
    "finding.safe_csv": (
        "这个文件是用 --safe-csv 写出的：{count} 个像公式的单元格前面的 ' 已去掉，这是第一个"
    ),
}

_RECORDS = {
    "finding.read_as_list": "文件按一个 JSON 列表读取，不管扩展名是什么",
    "finding.read_as_lines": "文件按每行一个 JSON 对象读取，不管扩展名是什么",
    "finding.bad_json": "这条记录不是 JSON；请改正",
    "finding.not_an_object": "这条记录无法读取；请改正",
    "finding.not_a_list": "文件不是记录的列表；请把记录放进一个列表",
    "finding.not_a_list.expected": '对象的列表 [{"prompt": "…"}, …]，或每行一个对象',
    "finding.repeated_name": "这条记录里同一个名字出现两次，只有最后一个值会起作用；请改名",
    "finding.repeated_name.expected": "每个名字只出现一次",
    "finding.lone_surrogate": "这里有半个字符（多为被截断的表情符号）；请重新输入",
    "finding.damaged_parquet": "无法读取 parquet 文件；请重新写出",
    "finding.value_without_json": "这个值无法放进请求；请写成文本",
}

_WORKBOOKS = {
    "finding.damaged_workbook": (
        "工作簿已损坏或不完整；请重新复制，或用 Excel 打开后另存为新的 .xlsx"
    ),
    "finding.unsafe_workbook": (
        "拒绝这个工作簿，因为它的结构不正常；请用 Excel 打开后另存为新的 .xlsx 或 CSV UTF-8"
    ),
    "finding.unsafe_size": (
        "拒绝这个工作簿，因为解压后远大于一张表格；请用 Excel 打开后另存为新的 .xlsx 或 CSV UTF-8"
    ),
    "finding.unsafe_size.expected": "至多 {most} {unit}",
    "finding.unsafe_size.found": "{count} {unit}",
    "finding.unsafe_xml": (
        "拒绝这个工作簿，因为其中声明了 XML 实体，而电子表格程序不会这样写；请用 Excel "
        "打开后另存为新的 .xlsx"
    ),
    "finding.far_cell": (
        "工作表一直延伸到单元格 {cell}，离其他内容很远；请删除那里的内容（或数据之后的"
        "所有行和列）再保存"
    ),
    "finding.far_cell.expected": "工作表范围内至多 {most} 个单元格",
    "finding.password": "工作簿有密码保护；请另存一份没有密码的",
    "finding.unknown_tab": "--tab 指的工作表在这个工作簿里不存在",
    "finding.unknown_tab_near": "--tab 指的工作表在这个工作簿里不存在；是不是“{near}”？",
    "finding.empty_tab": "可见的工作表里没有内容；请用 --tab 指明另一张",
    "finding.empty_tab.expected": "一行表头，下面至少一行内容",
    "finding.other_tabs": "只读取工作表“{tab}”，不读 {visible}；要读其他的请用 --tab",
    "finding.other_tabs_hidden": (
        "只读取工作表“{tab}”，不读 {visible}，也不读隐藏的 {hidden}；要读其他的请用 --tab"
    ),
    "finding.hidden_tabs": "只读取工作表“{tab}”，不读隐藏的 {hidden}；要读其他的请用 --tab",
    "finding.error_cells": (
        "{count} 个单元格是 Excel 的错误值，这是第一个；需要这种单元格的行不会发送"
    ),
    "finding.never_calculated": (
        "这个单元格的公式从未计算过；请用 Excel 打开工作簿，保存后重新读取"
    ),
    "finding.never_calculated.expected": "一个值",
    "finding.never_calculated_cells": (
        "{count} 个单元格的公式从未计算过，这是第一个；请用 Excel 打开工作簿，保存后重新读取"
    ),
    "finding.unscanned": (
        "对 .{format} 文件，rowmill 看不到错误值（会读成空白）、从未计算过的公式、被舍入的数字、"
        "隐藏行和图片；请另存为 .xlsx 再检查"
    ),
    "finding.unscanned_xlsx": (
        "这个 .{format} 的内部结构不寻常，rowmill 看不到错误值（会读成空白）、从未计算过的公式、"
        "被舍入的数字、隐藏行和图片；请用 Excel 打开并重新保存，再检查"
    ),
    "finding.formats_unseen": (
        "对 .{format} 文件，不会比较数字格式显示的内容（如 007、12.5 %）与实际读到的数字；"
        "另存为 .xlsx 可看到差别"
    ),
    "finding.pictures_unseen": ".{format} 文件里的图片不会被读取；请另存为 .xlsx 后使用",
    "finding.hidden_rows": (
        "隐藏的行：{count} 个，这是第一个；它们也会发送；加 --visible-only 可跳过"
    ),
    "finding.hidden_columns": "这一列被隐藏；照样会被读取",
    "finding.merged": "{count} 处合并单元格跨多行，这是第一处；文字对其中每一行都有效",
    "finding.merged_across": "{count} 处合并单元格跨多列，这是第一处；文字只算在最左边的列",
    "finding.shown_otherwise": (
        "显示为 {format}，读作 {found}；这一列有 {count} 个单元格显示的与读取的不同。要"
        "发送显示的内容，请设为文本格式并重新输入"
    ),
    "finding.shown_otherwise.found": "",
    "finding.rounded_cells": (
        "{count} 个单元格是超过 15 位的数字，这是第一个；Excel 会把它们舍入，请写进文本格式的单元格"
    ),
    "finding.pictures_in_cells": (
        "这一列的单元格里有 {count} 张图片，这是第一张；可以作为图片列的输入发送"
    ),
    "finding.floating_pictures": (
        "{count} 张图片浮在这一列的单元格上方，这是第一张；每张都算作其起始单元格的内容"
    ),
    "finding.picture_lost": "这个单元格的图片不在工作簿里；请重新插入",
    "finding.picture_lost.expected": "一张图片",
    "finding.external_links": "工作簿引用了其他文件；那些文件不会读取，以 Excel 最后看到的值为准",
}

_COLUMNS = {
    "finding.ambiguous_column": "{option} 指的列名在表格中出现了多次；请在表格中改掉其中一个",
    "finding.unknown_column": "{option} 指的列在表格中不存在",
    "finding.unknown_column.expected": "表格中的列：{expected}",
    "finding.unknown_column_near": "{option} 指的列在表格中不存在；是不是“{near}”？",
    "finding.unknown_column_near.expected": "表格中的列：{expected}",
    "finding.unknown_field": "--column 把这一列指给了接口没有的字段",
    "finding.unknown_field_near": "--column 把这一列指给了接口没有的字段；是不是“{near}”？",
    "finding.duplicate_header": "列名相同的列会原样保留，但模板无法引用它们",
    "finding.blank_header": "有 {count} 列没有列名，这是第一列；会原样保留，但无法引用",
    "finding.same_header": "两列都表示 {field}；请在表格中改掉其中一个列名",
    "finding.same_header.expected": "{field} 只对应一列",
    "finding.same_field": '两列都表示 {field}；请用 --column "{header}={field}" 选定一列',
    "finding.same_field.expected": "{field} 只对应一列",
    "finding.near_name": (
        '这一列不会发送；如果它表示 {expected}，请改正列名，或使用 --column "{found}={expected}"'
    ),
    "finding.blank_id": "用来识别行的列里，每一行都要有编号",
    "finding.blank_id.expected": "各行自己的编号",
    "finding.blank_id.found": "空白",
    "finding.repeated_id": "请让这些行各有自己的编号，或用 --id 指定另一列",
    "finding.repeated_id.expected": "每行的编号都不同",
    "finding.repeated_id.found": "{id} 出现在第 {rows} 行",
    "finding.running_number": (
        "这一列只是行的序号，插入行后会重新编号：因此改用请求内容来识别行；如仍要用它，请加 --id"
    ),
    "finding.id_not_unique": "这一列的编号有空白或重复：因此改用请求内容来识别行",
    "finding.shifted_ids": (
        "{total} 行中有 {count} 行要的内容与以前不同，多数原来在别的编号下：编号大概重排过。"
        "已付费的结果会沿用"
    ),
    "finding.repaired_ratio": (
        "有 {count} 个单元格如“{before}”是被 Excel 当成时间的比例；这里按 {after} 发送"
    ),
    "finding.repaired_ratio.found": "",
    "finding.template_open": "模板中有 {{ 却没有对应的 }}；列名里不能有花括号",
    "finding.template_unknown": "模板引用了“{name}”，但没有这一列",
    "finding.template_unknown.expected": "表格中的列：{expected}",
    "finding.template_unknown_near": "模板引用了“{name}”，但没有这一列；是不是“{near}”？",
    "finding.template_unknown_near.expected": "表格中的列：{expected}",
    "finding.template_ambiguous": (
        "模板引用了“{name}”，但有 {count} 列叫这个名字；请在表格中改掉其中一个"
    ),
    "finding.bad_row": "这一行无法生成请求",
    "finding.empty_cell": "{field}为空",
    "finding.empty_cell.expected": "",
    "finding.template_hole": (
        "这个单元格为空，而模板用到了它，又没有默认值；请填写，或写成 {{ {header} | … }}"
    ),
    "finding.template_hole.expected": "",
    "finding.template_hole.found": "",
    "finding.leave_out_bad_rows": "请改正表格，或加 --skip-bad 只运行其余的行",
    "finding.silently_changed": "{dialect} 会把 {asked} 悄悄改成 {made}（前几行中有 {count} 行）",
    "finding.outside_known_range": "不知道 {model} 是否接受这个值；会照原样发送。",
    "finding.silently_ignored": "{dialect} 会忽略 {asked}，不作提示（前几行中有 {count} 行）",
    "finding.words_only": (
        '模板用到了这一列，所以不作为 {field} 发送；如果也要发送，请加 --column "{header}={field}"'
    ),
    "finding.column_left_out": (
        '首次载入时这一列没有发送，现在也不发送；如果要发送，请用 --column "表头=字段"'
    ),
    "finding.overruled_column": (
        "这一列不作为 {field} 发送，因为命令行已给出 {field}；如果要发送这一列，请加 "
        '--column "{header}={field}"'
    ),
    "finding.column_over_option": ("这一列有内容的单元格作为 {field} 发送，选项只用于其余的行"),
    "finding.unsuited_column": (
        "这一列不作为 {field} 发送，因为这个单元格的内容不合适；如果要发送这一列，请加 "
        '--column "{header}={field}"'
    ),
    "finding.more_bad_rows": "还有 {count} 行有问题；加 --skip-bad 可运行其余的行",
}

FINDINGS = {
    **_STDIN,
    **_SPEECH,
    **_TERMS,
    **_FILES,
    **_TEXTS,
    **_DELIMITED,
    **_RECORDS,
    **_WORKBOOKS,
    **_COLUMNS,
}
