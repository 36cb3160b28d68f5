"""The Chinese sentences: the same keys as `en.py`; a missing one falls back to English."""

from runner.catalogue.zh.batch_run import BATCH_RUN
from runner.catalogue.zh.describe import DESCRIBE
from runner.catalogue.zh.desk import DESK
from runner.catalogue.zh.doctor import DOCTOR
from runner.catalogue.zh.errors import ERRORS
from runner.catalogue.zh.export import EXPORT
from runner.catalogue.zh.faults import FAULTS
from runner.catalogue.zh.findings import FINDINGS
from runner.catalogue.zh.guide import GUIDE
from runner.catalogue.zh.lanes import LANES
from runner.catalogue.zh.money import MONEY
from runner.catalogue.zh.night import NIGHT
from runner.catalogue.zh.obstacles import OBSTACLES
from runner.catalogue.zh.picks import PICKS
from runner.catalogue.zh.report import REPORT
from runner.catalogue.zh.rows import ROWS
from runner.catalogue.zh.run import RUN
from runner.catalogue.zh.shared import SHARED
from runner.catalogue.zh.system import SYSTEM
from runner.catalogue.zh.targets import TARGETS
from runner.catalogue.zh.usage import USAGE
from runner.catalogue.zh.views import VIEWS

_CLI = {
    "cli.tagline": "对表格的每一行执行 AI 生成请求。",
    "cli.usage": "用法：",
    "cli.error": "错误：",
    "cli.warning": "提示：{text}",
    "cli.try_help": "查看帮助：{command} --help",
    "cli.key_on_line": (
        "命令行里的密钥或密码会被本机其他人看到，也会留在命令历史里，因此没有使用。"
        "请用 `rowmill keys set` 保存密钥（输入时不显示），或放进环境变量 ROWMILL_API_KEY。"
    ),
    "cli.no_command": "没有命令 {name}。",
    "cli.use": "请用：{command}",
    "cli.meant": "是不是想输入 {near}？",
    "cli.is_file": "要运行这个表格：rowmill run {name}",
    "cli.bug": "内部错误（{name}）。已保存的内容不会丢失。",
    "cli.bug_hint": "加上 --debug 再运行一次可以看到出错位置。",
    "cli.interrupted": "已停止。",
    "cli.no_space": "无法写入输出：{reason}。",
    "cli.more": "全部命令：rowmill --help",
    "heading.examples": "示例：",
    "heading.commands": "命令：",
    "heading.arguments": "参数：",
    "group.request": "请求",
    "group.rows": "行",
    "group.files": "文件",
    "group.pace": "速度",
    "group.stops": "停止条件",
    "group.telling": "显示与通知",
    "group.own": "选项",
    "group.global": "通用",
    "help.variables": (
        "每个选项也可以写成环境变量 ROWMILL_名称，或写在 rowmill.toml 的 [defaults] 里；"
        "--yes、--rows、--limit、--rebuy、--move-table 除外。"
    ),
}

_START = {
    "start.rehearse": "演练：不需要密钥，不花钱",
    "start.keys": "保存密钥（输入时不显示）",
    "start.check": "预检：看表格被识别成什么；不发送",
    "start.run": "正式运行；同一条命令会从中断处继续",
    "start.status": "查看进度",
}

_COMMANDS = {
    "command.run": "运行表格的各行直到全部完成，并写出结果。",
    "command.check": "显示读到了什么和最前面的请求；不发送任何内容。",
    "command.rehearse": "在内置模拟网关上完整演练：不需要密钥，不花钱。",
    "command.status": "一屏显示进度、费用和下一步。",
    "command.show": "一行的全部信息：每次尝试、请求、回复、文件。",
    "command.retry": "重新运行现在可能成功的失败行。",
    "command.skip": "把若干行标记为跳过：不再算作失败。",
    "command.export": "把结果写成 csv、tsv、xlsx、jsonl 或 parquet。",
    "command.endpoints": "列出接口，或显示某个接口的列。",
    "command.trust": "把表格旁的设置文件视为自己的。",
    "command.keys": "保存、列出和删除密钥。",
    "command.keys_set": "保存某个服务商的密钥；输入时不显示，也可从管道读取。",
    "command.keys_list": "列出已保存密钥的站点。",
    "command.keys_rm": "删除已保存的密钥。",
    "command.mock": "单独运行内置的模拟网关。",
}

_OPTIONS = {
    "option.endpoint": "请求的种类；用 `rowmill endpoints` 查看",
    "option.model": "模型名称，按服务商的写法",
    "option.prompt": "模板，列名写在双花括号里；或保存模板的文件",
    "option.set": "对所有行设置一个请求字段，值也可取自文件；可重复",
    "option.column": "把某一列用作请求字段；可重复",
    "option.id": "用作唯一编号的列",
    "option.tab": "工作簿中的工作表",
    "option.encoding": "表格编码（自动识别有误时使用）",
    "option.delimiter": "文本表格的分隔符：; 或 tab，单列写 none",
    "option.provider": "设置文件里的服务商",
    "option.base-url": "服务商地址，代替设置文件里的",
    "option.limit": "本次最多开始 N 行，按表格顺序",
    "option.rows": "只处理这些行，行号与 Excel 一致：3,7,10-20",
    "option.visible-only": "不发送表格中隐藏的行（筛选或手动隐藏）",
    "option.skip-bad": "把无法生成请求的行标为失败，运行其余行",
    "option.same-sheet": "这个文件就是工作区的表格，只是改了名",
    "option.rebuy": "已完成的行也重新生成（会重复扣费）",
    "option.workspace": "存放任务表、文件和结果的文件夹",
    "option.name": "保存文件的命名方式",
    "option.files-from": "允许从这个文件夹（在表格文件夹之外）发送图片；可重复",
    "option.allow-host": "允许从这个非公网主机下载文件；可重复",
    "option.in-doubt": "可能已计费但没有收到回复的调用：重试一次，或保留",
    "option.ok-if-failed": "失败行数在此以内仍以 0 退出",
    "option.progress": "进度的显示方式",
    "option.json": "在标准输出给出一个 JSON 对象",
    "option.yes": "花费前不询问",
    "option.skip.yes": "跳过前不询问",
    "option.no-input": "从不询问",
    "option.config": "使用这个设置文件，代替自动找到的",
    "option.color": "终端颜色",
    "option.lang": "显示语言",
    "option.quiet": "只显示错误和结果",
    "option.verbose": "显示更多过程信息",
    "option.debug": "显示内部错误的位置",
    "option.attempts": "每行的尝试次数",
    "option.timeout": "每次调用的秒数上限，代替接口自己的",
    "option.stop_if": "最近若干行的失败比例超过此值时停止",
    "option.ask_above": "调用数超过此值时先询问",
    "option.lost_after": "一台机器多久没有消息，其他机器就接管它的行",
    "option.table_wait": "最多等待数据库多久；不设则同 max_wait",
    "option.max_wait": "服务商一直没有成功的响应时最多等待多久",
    "option.help": "显示帮助",
    "option.version": "显示版本",
    "option.default": "[默认：{value}]",
    "option.port": "监听端口；0 表示任选空闲端口",
    "option.latency": "每个回复所需秒数",
    "option.batch-seconds": "每个服务商批处理所需秒数",
    "option.faults": "注入哪些故障",
    "argument.sheet": "表格，或它的工作区文件夹",
    "argument.endpoint": "要显示的接口",
    "argument.file": "设置文件",
    "argument.provider": "服务商名称、地址，或数据库",
}

_EXPECTED = {
    "expected.amount": "不小于 0 的数",
    "expected.base_url": "类似 https://api.example.com 的地址，不含用户名、密码、密钥或 #",
    "expected.choice": "其中之一：{choices}",
    "expected.column": "列名=字段，例如 风格=style",
    "expected.count": "不小于 1 的整数",
    "expected.currency": "货币代码，如 USD 或 CNY",
    "expected.host": "主机名，可带端口",
    "expected.lane": ("flex 或 batch"),
    "expected.batch_form": ("openai、anthropic、gemini 或 openrouter"),
    "expected.lane_form": ("service_tier、path（以 / 开头的路径）或 base_url（网址）"),
    "expected.headers": "由请求头名称和文本组成的表，不含 rowmill 自己设置的请求头",
    "expected.keys": '列表，如 [{env = "MY_KEY"}]，每项含 env、file、command 之一',
    "expected.list": "文本，或文本列表",
    "expected.pair": "KEY=VALUE，例如 size=1024x1024",
    "expected.port": "0 到 65535 的端口号",
    "expected.proxy": "类似 http://127.0.0.1:7890 的地址",
    "expected.rows": "行号，如 3,7,10-20",
    "expected.seconds": "时间，如 90s、10m 或 8h",
    "expected.silence": "至少 3 秒的时间，如 30s",
    "expected.stop_if": "规则，如 failed>20%/50（最近 50 行）",
    "expected.switch": "true 或 false",
    "expected.table": "一个表（table）",
    "expected.text": "文本",
    "expected.tolerance": "行数，或百分比如 5%",
}

_SETTINGS = {
    "settings.wrong": "{file}：{key} 应为{expected}",
    "settings.found": "；实际是：{found}",
    "settings.unknown_key": "{file}：没有设置项 {key}。这里可用：{known}",
    "settings.by_hand": "{file}: --{option} 只能写在命令行",
    "settings.no_such_file": "{file}：没有这个设置文件",
    "settings.unreadable": "无法读取 {file}：{reason}",
    "settings.not_toml": "{file} 不是有效的 TOML（{reason}）",
    "settings.url_and_key": (
        "{file} 同时写了地址和密钥。表格旁的设置文件可能来自别人，因此只能写其中之一。"
        "请用 `rowmill keys set` 保存密钥。如果文件是你自己的：rowmill trust {file}"
    ),
    "settings.careful": (
        "{file}：表格旁的设置文件不能写 {key}，因为它可能来自别人。"
        "如果文件是你自己的：rowmill trust {file}"
    ),
    "settings.outside": "--{option}：{file} 不在引用它的设置文件所在的文件夹内",
    "settings.no_text": "--{option}：无法读取 {file}：{reason}",
    "settings.line": "第 {line} 行第 {column} 列",
    "settings.at_end": "文件末尾",
    "settings.too_deep": "嵌套太深",
    "settings.not_utf8": "不是 UTF-8 文本",
    "settings.no_base_url": (
        "服务商 {provider} 没有地址。已知服务商：{known}。请用 --base-url 给出，"
        "或在 rowmill.toml 的 [provider.{provider}] 里写 base_url。"
    ),
    "settings.workspace": "工作区记住的选项",
    "notice.by_hand": "{name} 不起作用：--{option} 只能写在命令行",
    "notice.unknown": "{name} 不是 rowmill 的设置，不起作用",
    "notice.unknown_near": "{name} 不是 rowmill 的设置，不起作用；是不是 {near}？",
    "notice.url_from_sheet": "表格旁的设置文件会把所有内容发往 {url}",
    "notice.not_counted": (
        "{file}：{keys} 未采用，因为表格旁的设置文件只能让运行更严格。"
        "如果文件是你自己的：rowmill trust {file}"
    ),
    "notice.no_tls": "{url} 没有加密：密钥和所有请求在途中都可能被看到",
}

_TRUST = {
    "trust.trusted": "{file} 已视为你自己的设置文件，文件改动后失效。",
    "trust.nothing": "其中没有表格旁的文件不能写的内容。",
    "trust.allows": "现在允许：",
    "trust.power": "  {name}  {value}",
    "trust.removed": "不再信任 {file}。",
    "trust.not_there": "{file} 本来就没有被信任。",
    "trust.failed": "无法保存对 {file} 的信任：{reason}",
    "option.remove": "不再信任该文件",
}

_KEYS = {
    "keys.ask": "{url} 的密钥（输入时不显示）",
    "keys.stored": "已把 {url} 的密钥 {masked} 保存到 {file}，只有你能读取。",
    "keys.none": "没有保存的密钥。保存一个：rowmill keys set wenwen",
    "keys.removed": "已删除 {url} 的密钥。",
    "keys.not_there": "没有保存 {url} 的密钥。",
    "keys.empty": "没有输入密钥，未作更改。",
    "keys.not_a_key": "这不是密钥：含有空格或密钥中不会有的字符。请重新完整复制。未作更改。",
    "keys.open_to_others": "{file} 可被本机其他人读取。请执行：chmod 600 {file}",
    "keys.unreadable": "无法读取 {file}：{reason}",
    "keys.unwritable": "无法写入 {file}：{reason}",
    "keys.damaged": "{file} 已损坏。请删除它，再重新保存密钥。",
    "keys.file_unreadable": "无法读取密钥文件 {file}：{reason}",
    "keys.command_failed": "密钥命令 {command} 没有给出密钥：{reason}",
    "keys.unknown": (
        "不认识服务商 {name}。已知：{known}。也可以直接用地址: "
        "rowmill keys set https://api.example.com"
    ),
    "keys.missing": (
        "没有 {url} 的密钥。请用 `rowmill keys set {name}` 保存，或放进 ROWMILL_API_KEY。"
        "如果服务不需要密钥，填任意词即可：ROWMILL_API_KEY=none"
    ),
    "keys.not_sent": (
        "没有把 ROWMILL_API_KEY 发给 {url}：这个地址只出现在表格旁的设置文件里。"
        "如果地址正确，请用 --base-url 给出，或信任该文件：rowmill trust FILE"
    ),
    "keys.unlikely": "这不是密钥：它是网址，或少于 8 个字符。没有改动任何内容。",
    "keys.timeout": "超过了 {seconds} 秒",
    "keys.exit": "退出码为 {code}",
    "keys.nothing": "没有任何输出",
    "keys.site": "站点",
    "keys.key": "密钥",
}

_ENDPOINTS = {
    "endpoints.unknown": "没有接口 {name}。现有：{known}。",
    "endpoints.near": "没有接口 {name}。是不是想输入 {near}？",
    "endpoints.columns": "列",
    "endpoints.column": "列名",
    "endpoints.kind": "类型",
    "endpoints.default": "默认值",
    "endpoints.needed": "必填",
    "endpoints.example": "示例行",
    "endpoints.more": "查看某个接口的列：rowmill endpoints {name}",
}

_MOCK = {
    "mock.listening": "模拟网关地址：{url}",
    "mock.try": "试一试：rowmill run prompts.csv --base-url {url}",
    "mock.stop": "按 Ctrl-C 停止。",
    "mock.port_taken": "端口 {port} 不可用：{reason}。换一个：--port 0",
}

_PROGRESS = {
    "progress.done": "完成",
    "progress.failed": "失败",
    "progress.in_doubt": "存疑",
    "progress.pending": "等待",
    "progress.fetching": "下载中",
    "progress.running": "运行中",
    "progress.calls": "调用",
    "progress.rows": "行",
    "progress.files": "文件",
    "progress.in_flight": "进行中",
    "progress.rate": "行/分钟",
    "progress.left": "剩 {time}",
    "progress.left_until": "剩余 {time}（约 {clock} 完成）",
    "progress.until": "到 {clock}",
    "progress.until_rows": "{low}–{high} 行",
    "progress.held": "已手动暂停：rowmill steer --resume 可继续",
    "progress.elapsed": "已运行",
    "progress.seconds": "p50 / p95",
    "progress.tokens": "tokens",
    "progress.cost": "费用",
    "progress.at_least": "至少 {amount}",
    "progress.unknown": "未知",
    "progress.saved": "已存文件",
    "progress.oldest": "最久的调用",
    "progress.paused": "暂停到 {time}：{reason}",
    "progress.row": "第 {row} 行",
    "progress.foot": "按一次 Ctrl-C 平稳停止，按两次立即停止",
}

_STATES = {
    "state.in_doubt": (
        "调用可能已计费，但没有收到回复。`rowmill retry --class in_doubt` 会重新发送，可能重复付"
        "费。"
    ),
}

MESSAGES: dict[str, str] = {
    **_CLI,
    **_START,
    **_COMMANDS,
    **_OPTIONS,
    **_EXPECTED,
    **_SETTINGS,
    **_KEYS,
    **_TRUST,
    **_ENDPOINTS,
    **_MOCK,
    **_PROGRESS,
    **_STATES,
    **RUN,
    **ROWS,
    **GUIDE,
    **USAGE,
    **DESCRIBE,
    **OBSTACLES,
    **SYSTEM,
    **VIEWS,
    **MONEY,
    **DOCTOR,
    **EXPORT,
    **FAULTS,
    **FINDINGS,
    **ERRORS,
    **PICKS,
    **REPORT,
    **NIGHT,
    **BATCH_RUN,
    **LANES,
    **SHARED,
    **TARGETS,
    **DESK,
}
