"""The Chinese sentences about a command line that cannot be understood."""

USAGE: dict[str, str] = {
    "usage.options": "[选项]",
    "usage.command": "命令 [参数]...",
    "usage.maybe_command": "[命令] [参数]...",
    "usage.no_option": "没有选项 '{name}'。",
    "usage.missing_argument": "缺少参数 {name}。",
    "usage.missing_option": "缺少选项 {name}。",
    "usage.missing_command": "缺少命令，可用：{known}。",
    "keys.no_command": "keys 下没有命令 {name}，可用：{known}。",
    "usage.bad_value": "{name} 的值无效，应为：{expected}",
    "usage.needs_value": "选项 '{name}' 后面要有一个值。",
    "usage.no_value": "选项 '{name}' 后面不能有值。",
    "usage.extra": "多出了 {count} 个参数：{arguments}",
    "usage.yes_or_no": "请输入 y 或 n。",
    "expected.between": "{low} 到 {high} 的整数",
}
