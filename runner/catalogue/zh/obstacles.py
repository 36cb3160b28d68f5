"""The Chinese sentences about what cannot be done with tables, outputs and copies of workbooks."""

OBSTACLES: dict[str, str] = {
    "obstacle.disk_low": "剩余 {free} MB，需要 {needed} MB",
    "obstacle.hosts_full": "已有 {most} 台主机在处理这张表，不能再多了",
    "obstacle.file_unreadable": "无法读取 {file}：{reason}",
    "obstacle.table_journal": "日志模式是 {mode}，而不是 {wanted}：任务表所在的文件夹不能使用",
    "obstacle.table_not_synchronous": "系统不接受 synchronous=FULL：断电时可能丢失回复",
    "obstacle.table_damaged": (
        "{file} 已损坏：{reason}。没有改动任何东西。请把它移走，换上一个备份；"
        "`sqlite3 {name} .recover` 往往能救回其中的内容"
    ),
    "obstacle.table_damaged_with_copies": (
        "{file} 已损坏：{reason}。没有改动任何东西。请把它移走，换上一个备份（{copies}）；"
        "`sqlite3 {name} .recover` 往往能救回其中的内容"
    ),
    "obstacle.table_unreadable": "无法把 {file} 当作任务表读取：{reason}",
    "obstacle.table_none": "没有任务表 {file}",
    "obstacle.table_empty": "{file} 里还没有任务表；`rowmill run` 会建立",
    "obstacle.table_older": (
        "{file} 是旧版 rowmill 写的（表版本 {found}，现在是 {known}）；`rowmill run` 会先备份再升级"
    ),
    "obstacle.table_newer": (
        "{file} 是新版 rowmill 写的（表版本 {found}，现在的程序只认识到 {known}）；请更新 rowmill"
    ),
    "obstacle.table_older_shared": (
        "{file} 的共享任务表是旧版 rowmill 写的（表版本 {found}，现在是 {known}）；"
        "没有主机在运行时，`rowmill run` 会升级它"
    ),
    "obstacle.database_unreachable": "无法连接数据库：{reason}",
    "obstacle.database_rights": "数据库不允许这样做：{reason}",
    "obstacle.database_standby": "这个数据库是只读的备用服务器；请写主服务器的地址",
    "obstacle.database_old": "数据库是 PostgreSQL {found}；rowmill 需要 {known} 或更新的版本",
    "obstacle.database_encoding": "数据库的编码是 {found}；rowmill 需要 UTF8",
    "obstacle.database_damaged": (
        "数据库报告有损坏：{reason}。没有改动任何东西；请联系管理服务器的人"
    ),
    "obstacle.database_sqlite": (
        "SQLite 的任务表就在表格自己的文件夹里；--db 要写 postgresql:// 地址"
    ),
    "obstacle.database_url": "数据库要写成 postgresql:// 开头的地址",
    "obstacle.database_driver": (
        'PostgreSQL 需要驱动程序：pip install "rowmill[postgres]"（{reason}）'
    ),
    "obstacle.workspace_absent": "数据库里没有表格 {name}；已有：{others}",
    "obstacle.hosts_at_work": "{file} 需要由这个版本的 rowmill 升级，但这些主机正在使用它：{hosts}",
    "obstacle.table_moved": "{file} 已搬到 {place}：请用 --db 写出那个地址，或把它当作表格来写",
    "obstacle.move_into_full": "无法搬过去：数据库里已有一张同名的表格，其中有行",
    "obstacle.table_not_sqlite": "{file} 不是 SQLite 任务表；把它移走就会重新开始",
    "obstacle.table_foreign": ("{file} 是 SQLite 数据库，但不是 rowmill 的；把它移走就会重新开始"),
    "obstacle.table_no_backup": "无法备份 {file}：{reason}",
    "obstacle.table_not_migrated": "无法升级 {file}：{reason}",
    "obstacle.table_not_copied": "只有 SQLite 任务表才能这样复制",
    "obstacle.table_held": "{file} 正被进程 {pid}（{host}）占用",
    "obstacle.table_no_lock": "无法锁定 {file}：{reason}；请用 --workspace 指定本地磁盘上的文件夹",
    "obstacle.output_folder": "{file} 是文件夹；请指定其中的一个文件",
    "obstacle.output_no_file": "{file} 不是普通文件；要写到管道，请用 -",
    "obstacle.output_nowhere": "没有文件夹 {folder}；请先建立，或换一个文件",
    "obstacle.output_unfit": "无法写入 {file}：{reason}",
    "obstacle.output_failed": (
        "无法写入 {file}：{reason}。结果都在任务表里，没有丢失；请腾出空间或换一个文件，再次导出"
    ),
    "obstacle.output_format": "没有 {format} 这种格式",
    "obstacle.write_no_workbook": "这些结果无法写成工作簿：{reason}",
    "obstacle.write_no_parquet": "这些结果无法写成 parquet：{reason}",
    "obstacle.write_columns": "一个 Excel 工作表最多 {most} 列；请改为导出 csv",
    "obstacle.write_rows": "一个 Excel 工作表最多 {most} 行；请改为导出 csv",
    "obstacle.copy_format": "表格不是 .xlsx 或 .xlsm 工作簿",
    "obstacle.copy_no_header": "表格没有标题行",
    "obstacle.copy_has_results": "表格本来就有结果列",
    "obstacle.copy_unreadable": "无法读取表格（{reason}）",
    "obstacle.copy_changed": "表格在载入后改动过；请先运行一次",
    "obstacle.copy_no_workbook": "其中没有工作簿部分",
    "obstacle.copy_no_tab": "找不到工作表 {tab}",
    "obstacle.copy_entities": "其中的 {part} 声明了实体",
    "obstacle.copy_broken_part": "其中的 {part} 格式不正确",
    "obstacle.copy_large_part": "其中的 {part} 异常地大",
    "obstacle.copy_unusual": "工作表的写法不常见",
    "obstacle.copy_unplaced_cells": "单元格没有写明位置",
    "obstacle.copy_unplaced_rows": "行没有写明行号",
    "obstacle.copy_no_room": "右边没有空列可用",
    "obstacle.copy_no_row": "第 {row} 行没有写成一行",
    "obstacle.copy_cut": "工作表在一行中间中断",
    "obstacle.copy_damaged": "无法拆开（{reason}）",
    "obstacle.copy_other_parts": "副本的组成部分不同",
    "obstacle.copy_other_part": "副本中的 {part} 与原来不同",
    "obstacle.copy_other_row": "副本中第 {row} 行读出来与原来不同",
    "obstacle.copy_other_results": "副本中第 {row} 行的结果读出来不对",
    "obstacle.name_backslash": "文件名模板里的文件夹用 / 分隔，不用 \\",
    "obstacle.name_unknown": "没有 {place}；可用的有：{known}",
    "obstacle.name_open": "'{template}' 里有一个 {place} 没有写完整",
    "obstacle.name_folder": "'{template}' 以文件夹结尾；请在最后的 / 后面写上文件名",
    "obstacle.target_key": "密钥里有空格、换行，或密钥中不会有的字符",
    "obstacle.target_proxy": "代理地址要以 http:// 或 https:// 开头",
    "obstacle.target_scheme": "服务商地址要以 http:// 或 https:// 开头，并写出主机名",
    "obstacle.target_extras": "服务商地址里不能有用户名、密钥或 #",
    "obstacle.target_port": "服务商地址的端口不是 1 到 65535 的数",
}
