"""存放所有主机文件的地方（目标位置）的中文语句。"""

TARGETS = {
    "option.files": "所有机器都能看到的文件存放处：s3://bucket/folder，或共享路径",
    "option.results": "运行结束时把结果也写到这里：文件、文件夹或 s3://…",
    "fetch.by_hosts": "正在工作的主机会下载 {rows} 行的文件。",
    "target.input_changed": "读取表格时，有文件发生了变化（{reason}）。请再运行一次。",
    "target.unsuited": (
        "{target} 不能存放文件。请指定每台机器都能看到的文件夹，或 s3://bucket/folder 这样的地址。"
    ),
    "target.password": (
        "目标地址里含有用户名或密码。请去掉：密钥取自环境变量或该存储自己的设置文件。"
    ),
    "target.package": (
        '{scheme}:// 地址还需要一个软件包（{reason}）：s3:// 用 pip install "rowmill[s3]"；'
        "其他存储请装 fsspec 指出的包。"
    ),
    "target.other": (
        "这张表的文件在 {theirs}，而 --files 指的是 {ours}。请用 --files {theirs}，"
        "或用 --workspace DIR 在另一个文件夹里重新开始。"
    ),
    "target.elsewhere": (
        "这张表的文件在 {theirs}。请加 --files {theirs}，rowmill 才能读取；"
        "只在任务表里出现的地址从不打开。"
    ),
    "target.local_files": (
        "这张表的文件在 {folder}，而 --files 指的是 {target}。请去掉 --files，"
        "或用 --workspace DIR 在另一个文件夹里重新开始。"
    ),
    "target.none": "这次运行没有使用目标位置，而 --files 指的是 {ours}。请去掉 --files。",
    "target.needed_for_files": (
        "{endpoint} 会产生文件，其他机器也要能看到。请指定存放处："
        "--files s3://bucket/folder，或每台机器都能看到的路径。"
    ),
    "target.needed_for_pictures": (
        "这张表要发送本机的图片，其他机器也要能看到。请指定存放处："
        "--files s3://bucket/folder，或每台机器都能看到的路径。"
    ),
    "target.path": "文件存到 {target}：每台机器都必须能用这个路径看到这个文件夹。",
    "obstacle.target_failed": "目标位置 {target} 不能使用：{reason}",
    "obstacle.target_missing": "写到目标位置 {target} 的内容读不回来",
}
