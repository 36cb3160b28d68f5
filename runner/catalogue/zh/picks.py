"""The Chinese sentences about picks: stars, rejected results, one of several files."""

PICKS: dict[str, str] = {
    "command.pick": "给结果做标记：星级、不要，或多个文件中的一个。",
    "argument.rows": "行号（与 Excel 一致，如 3,7,10-20）、key:VALUE，或带标记的清单",
    "option.stars": "1 到 5 星",
    "option.reject": "标记为不要",
    "option.clear": "取消标记",
    "option.file": "选定哪个文件：结果中的第几个，或已保存文件的文件名",
    "option.export.from": "与 --picks 一起用：先记入这份清单里的标记",
    "option.picks": "把选中结果的文件复制到这个文件夹，并附清单",
    "pick.which": "请说明怎样标记：--stars 1 到 5、--reject、--clear 或 --file N。",
    "pick.one_of": "--stars 和 --file 可以一起用；--reject、--clear 只能单独用。",
    "pick.done": "已标记 {count} 行",
    "pick.cleared": "已取消 {count} 行的标记",
    "pick.left_out": "{count} 行没有这样的结果，未标记：{rows}",
    "pick.none": "这些行都没有这样的结果，没有标记任何行。",
    "pick.no_row": "没有这样的行；表格的行号是 {first} 到 {last}。",
    "pick.no_list": "{file} 没有 result_key 和 result_pick 两列，不是挑选清单。",
    "pick.bad_cell": (
        "{file} 第 {row} 行 result_pick 列：{found} 不是标记。"
        "标记是 1 到 5、rejected，或 file 加序号或文件名。"
    ),
    "pick.strange_row": "{file} 里有 {count} 行不在这个表格里，例如 {key}。",
    "picks.none": (
        "还没有选中任何结果。请在报告页上挑选（rowmill report --open），"
        "或用：rowmill pick ROWS --stars 5"
    ),
    "picks.copied": "已复制 {count} 个文件到 {folder}；清单：{file}",
    "picks.lost": (
        "{count} 个文件缺失或损坏，没有复制，例如 {name}。重新下载：rowmill fetch --verify"
    ),
    "picks.alone": "--picks 只复制文件，不写别的：请去掉 {option}。",
    "picks.from_alone": "--from 要和 --picks 一起用。",
}
