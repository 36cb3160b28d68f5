"""The Chinese sentences of tables that several machines share."""

SHARED: dict[str, str] = {
    "group.hosts": "多台机器",
    "option.db": "存放任务表的 PostgreSQL 数据库，供多台机器共用；none 表示用文件夹",
    "expected.database": (
        "类似 postgresql://用户@服务器/数据库 的地址，不含密码，末尾可加 #工作区名；或 none"
    ),
    "expected.not_sqlite": (
        "PostgreSQL 数据库: postgresql://用户@服务器/数据库。SQLite 的任务表总在表格旁的文件夹里"
    ),
    "expected.no_password": (
        "不含密码的地址。请用 `rowmill keys set postgresql://…` 保存密码，"
        "或用 ROWMILL_DB、PGPASSWORD、.pgpass"
    ),
    "cli.password_on_line": (
        "命令行里的密码会被本机其他人看到，也会留在命令历史里，因此没有使用。"
        "请用 `rowmill keys set postgresql://用户@服务器/数据库` 保存（输入时不显示），"
        "或用 ROWMILL_DB、PGPASSWORD、.pgpass。"
    ),
    "keys.ask_password": "{url} 的密码（输入时不显示）",
    "keys.password_stored": "已把 {url} 的密码保存到 {file}，只有你能读取。",
    "keys.password_removed": "已删除 {url} 的密码。",
    "keys.no_password": "没有保存 {url} 的密码。",
    "keys.not_a_password": "这不是密码: 内容为空。没有改动任何内容。",
    "usage.two_databases": "数据库写了两次: 作为 SHEET，又用 --db。请只写一次。",
    "usage.no_sheet": "需要一个表格或数据库: rowmill {command} SHEET",
    "db.weak_tls": (
        "到 {url} 的连接使用 sslmode={mode}: 网络中的其他人可能读取或改动内容。"
        "sslmode=verify-full 才安全。"
    ),
    "db.no_workspace": "{url} 里还没有工作区。载入一个表格: rowmill run SHEET --db {url}",
    "db.not_there": "{url} 里没有工作区 {name}。现有: {names}",
    "db.several": "{url} 里有多个工作区: {names}。请指明一个: {example}",
    "status.hosts": "机器",
    "status.hosts_more": "另有 {count} 台已离开",
    "status.since": "{at} 起",
    "status.heard": "{time}前有消息",
    "status.host_in_flight": "{count} 个请求进行中",
    "status.host_leaving": "这些结束后离开",
    "status.host_silent": "没有消息；其他机器很快会接管它的行",
    "status.host_lost": "已失联；其他机器已接管它的行",
    "status.host_left": "已离开: {how}",
    "status.host_gone": "已离开",
    "status.host_person": "已被人暂停",
    "status.host_outage": "等待服务商: {cause}",
    "status.host_slow_down": "服务商要求放慢，直到 {until}",
    "status.host_database": "等待数据库",
    "status.running_on": "已在 {count} 台机器上运行 {time}，从 {since} 起",
    "check.needs_sheet": "check 需要读取表格: 请写出它的文件，数据库用 --db 给出。",
    "run.from_table": "{sheet} 按已载入的内容从任务表读取；它的文件不在这台机器上。",
}
