"""The Chinese sentences of tables that several machines share."""

SHARED: dict[str, str] = {
    "group.hosts": "多台机器",
    "option.db": "存放任务表的 PostgreSQL 数据库，供多台机器共用；none 表示用文件夹",
    "expected.database": (
        "类似 postgresql://用户@服务器/数据库 的地址，不含密码，末尾可加 #工作区名；或 none"
    ),
    "expected.not_sqlite": (
        "PostgreSQL 数据库：postgresql://用户@服务器/数据库。SQLite 的任务表总在表格旁的文件夹里"
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
    "keys.not_a_password": "这不是密码：内容为空。没有改动任何内容。",
    "usage.two_databases": "数据库写了两次：作为 SHEET，又用 --db。请只写一次。",
    "usage.no_sheet": "需要一个表格或数据库：rowmill {command} SHEET",
    "db.weak_tls": (
        "到 {url} 的连接使用 sslmode={mode}：网络中的其他人可能读取或改动内容。"
        "sslmode=verify-full 才安全。"
    ),
    "db.no_workspace": "{url} 里还没有工作区。载入一个表格：rowmill run SHEET --db {url}",
    "db.not_there": "{url} 里没有工作区 {name}。现有：{names}",
    "db.several": "{url} 里有多个工作区：{names}。请指明一个：{example}",
    "status.hosts": "机器",
    "status.hosts_more": "另有 {count} 台已离开",
    "status.since": "{at} 起",
    "status.heard": "{time}前有消息",
    "status.host_in_flight": "{count} 个请求进行中",
    "status.host_leaving": "这些结束后离开",
    "status.host_silent": "没有消息；其他机器很快会接管它的行",
    "status.host_lost": "已失联；其他机器已接管它的行",
    "status.host_left": "已离开：{how}",
    "status.host_gone": "已离开",
    "status.host_person": "已暂停",
    "status.host_outage": "等待服务商：{cause}",
    "status.host_slow_down": "服务商要求放慢，直到 {until}",
    "status.host_database": "等待数据库",
    "status.running_on": "已在 {count} 台机器上运行 {time}，从 {since} 起",
    "check.needs_sheet": "check 需要读取表格：请写出它的文件，数据库用 --db 给出。",
    "run.from_table": "{sheet} 按已载入的内容从任务表读取；它的文件不在这台机器上。",
    "steer.all_obeyed": "已通知任务：{what}。在工作的 {of} 台机器中 {count} 台已照办。",
    "steer.some_obeyed": (
        "已通知任务：{what}。{of} 台机器中已有 {count} 台照办；之后加入的机器也会照办。"
    ),
    "doctor.database.good": "{url}: PostgreSQL {version}，{encoding}。",
    "doctor.database.refused": "数据库的密码无法使用：{why}",
    "doctor.database.unreached": "无法使用 {url}：{why}",
    "doctor.database.standby": "这台服务器是备库：请写接受写入的那台。",
    "doctor.database.socket": "连接走本机的套接字。",
    "doctor.database.tls": "连接已加密，并核对了服务器证书。",
    "doctor.database.no_tls": "连接没有加密。",
    "doctor.database.weak_tls": "连接使用 sslmode={mode}：网络中的其他人可能读取或改动内容。",
    "doctor.database.no_rights": (
        "这个用户不能创建 schema，而第一次载入表格需要它：GRANT CREATE ON DATABASE。"
    ),
    "doctor.database.near": "一次往返需要 {ms} 毫秒。",
    "doctor.database.far": "一次往返需要 {ms} 毫秒：这台机器上每一轮（最多 64 行）需要 15 次往返。",
    "doctor.database.clock": "本机时钟与数据库一致。",
    "doctor.database.clock_fast": "本机时钟比数据库快 {seconds} 秒。任务以数据库的时钟为准。",
    "doctor.database.clock_slow": "本机时钟比数据库慢 {seconds} 秒。任务以数据库的时钟为准。",
    "doctor.database.pooler": (
        "中间有连接池。载入和升级请用直连地址；如果提示语句重复预备，请加 ?prepare=no。"
    ),
    "doctor.database.connections": "已用 {used} / {most} 个连接：还可容纳 {hosts} 台机器。",
    "doctor.database.few_connections": (
        "已用 {used} / {most} 个连接：只能再容纳 {hosts} 台机器（每台 3 个连接）。"
        "请调大 max_connections，或在前面放 PgBouncer。"
    ),
    "doctor.database.forgets": (
        "fsync 或 full_page_writes 已关闭：断电后服务器可能丢失已付费的回复。"
    ),
    "doctor.database.asynchronous": (
        "{count} 台备库可能落后：切换后可能缺少已付费的回复，这些行会重新请求。"
        "synchronous_standby_names 可以避免。"
    ),
    "doctor.database.no_workspace": "还没有工作区 {name}。现有：{names}",
    "doctor.database.newer": (
        "{name} 的任务表由更新的 rowmill 写成（版本 {found_revision}，这里只认识 {known}）: "
        "请更新这台机器上的 rowmill。"
    ),
    "doctor.database.older": "{name} 的任务表版本是 {found_revision}；下次运行会升级到 {known}。",
    "doctor.database.revision": "{name} 的任务表就是这个 rowmill 的版本（{found_revision}）。",
    "doctor.database.hosts": "{count} 台机器在工作：{names}",
    "doctor.database.no_hosts": "现在没有机器在处理它。",
    "doctor.database.programs": "在工作的机器使用不同版本的 rowmill: {programs}",
    "option.on": "由引擎启动、分布和重启各台机器上的进程；需要 --db",
    "option.hosts": "引擎启动多少个进程 [默认: 每个节点一个]",
    "ray.not_installed": '没有安装 Ray: pip install "rowmill[ray]"',
    "ray.needs_database": (
        "--on ray 需要 --db: 它的进程共用一个任务表，而文件夹里的任务表只供本机使用。"
    ),
    "ray.hosts_alone": "--hosts 需要 --on ray，由它来启动。",
    "ray.unreachable": "无法使用 Ray: {reason}",
    "ray.connecting": "正在连接 Ray…",
    "ray.silent_node": "Ray 的节点 {node} 没有说明它的 rowmill 版本。",
    "ray.other_node": "Ray 的节点 {node} 无法运行 rowmill: {reason}",
    "ray.other_version": "Ray 的节点 {node} 是 {theirs}，本机是 {ours}: 两者必须相同。",
    "ray.starts": "Ray 启动 {count} 个进程。",
    "ray.machines": "{count} 个进程",
    "ray.stopping": "已要求各进程停止；进行中的请求会结束。再按一次立即结束。",
    "ray.host_ended": "进程 {number} 以退出码 {code} 结束: {said}",
    "ray.no_run": "没有进程开始运行。",
    "doctor.target.good": "文件目标 {target} 可以写入和读取。",
    "doctor.target.bad": "文件目标: {why}",
    "option.move-table": "把文件夹里的任务表连同回复和文件移到数据库",
    "move.needs_option": (
        "{folder} 里的任务表有 {count} 个回复。放到数据库上会重新计费。"
        "--move-table 把任务表和文件一起带走；换一个 #名字 则从头开始。"
    ),
    "move.needs_target": "{folder} 里的文件也要移走: 请用 --files 写明位置，让所有机器都能看到。",
    "move.other_file": "{address} 已是另一个文件。请用 --files 写一个空的地方。",
    "move.done": "已把 {folder} 的任务表移到数据库: {count} 个回复，{files} 个文件。",
    "doctor.database.empty": "还没有工作区；第一次运行表格时会建立。",
    "doctor.database.workspaces": "现有工作区: {names}",
    "status.host_rate": "{rate} 行/分钟",
    "run.address_before": "上次运行发往 {before}，这次发往 {now}。",
    "run.other_target": (
        "这次运行的文件在 {theirs}，而这条命令写的是 {ours}。一次运行的所有机器用同一个目标: "
        "请写相同的 --files。"
    ),
}
